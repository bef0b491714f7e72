#!/bin/sh
exec "$(dirname "$0")/java.sh" kafka.tools.StorageTool "$@"
