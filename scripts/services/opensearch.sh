#!/usr/bin/env bash
# opensearch.sh start [PORT [SETTING=VALUE…]]     one OpenSearch 2.19 node on loopback, PORT 19200, its transport on PORT+1
# opensearch.sh stop|kill|status|wipe [PORT]      kill is SIGKILL; wipe stops and deletes the data
# start prints the address alone on stdout. A node that answers 429 on demand: thread_pool.write.queue_size=1 node.processors=1
# Environment: SEARCH_HEAP_OPTS (-Xms512m -Xmx512m), SEARCH_DIR (the folder of its data, one for each PORT in the cache).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=opensearch standard=19200 node=OpenSearchNode
. "$here/search.sh"

usage() { sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

main "$@"
