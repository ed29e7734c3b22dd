#!/usr/bin/env bash
# elasticsearch.sh start [PORT [SETTING=VALUE…]]     one Elasticsearch 7.17 node on loopback, PORT 19250, its transport on PORT+1
# elasticsearch.sh stop|kill|status|wipe [PORT]      kill is SIGKILL; wipe stops and deletes the data
# start prints the address alone on stdout. A node that answers 429 on demand: thread_pool.write.queue_size=1 node.processors=1
# Its jars are without data streams and scripts. Environment: SEARCH_HEAP_OPTS (-Xms512m -Xmx512m), SEARCH_DIR (the folder of
# its data, one for each PORT in the cache).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=elasticsearch standard=19250 node=ElasticsearchNode
. "$here/search.sh"

usage() { sed -n '2,6s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

main "$@"
