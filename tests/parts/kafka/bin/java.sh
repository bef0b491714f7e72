#!/bin/sh
# A program of Kafka's, small and soon started; what Kafka's own scripts do, without their folders.
exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto \
    -Dorg.slf4j.simpleLogger.defaultLogLevel="${KAFKA_LOG_LEVEL:-error}" -cp "$(dirname "$0")/../lib/*" "$@"
