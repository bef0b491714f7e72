#!/bin/sh
exec "$(dirname "$0")/java.sh" org.apache.kafka.tools.consumer.group.ConsumerGroupCommand "$@"
