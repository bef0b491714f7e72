#!/bin/sh
KAFKA_LOG_LEVEL=info exec "$(dirname "$0")/java.sh" kafka.Kafka "$@"
