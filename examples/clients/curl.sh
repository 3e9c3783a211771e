#!/bin/sh
# The API from a shell:  sh curl.sh http://127.0.0.1:8000
set -eu
base=$1
get() { curl --silent --show-error --fail-with-body "$@"; }

# One record as JSON; the suffix or the Accept header chooses the form.
get "$base/api/claims/c0-17?fields=label,hedge,source"; echo

# How to cite it: the original sources first.
get "$base/api/claims/c0-17.txt"

# A list as CSV, filtered: refuted claims.
get "$base/api/claims.csv?verdict=refuted&fields=hedge,label"

# Linked data: the thing redirects (303) to a document about it.
get --location --header 'Accept: application/ld+json' --output /dev/null \
    --write-out '%{url_effective} %{content_type}\n' "$base/id/nvidia-h20"

# SPARQL: a query goes as a form, or as it is.
get "$base/sparql" --header 'Accept: text/csv' --data-urlencode query='
  PREFIX ct: <https://w3id.org/chiptrail/ont#>
  SELECT (COUNT(*) AS ?claims) { ?claim a ct:Claim }'

# An answer is asked for again only if the data has changed: 304 while it has not.
tag=$(get --dump-header - --output /dev/null "$base/api/stats" | tr -d '\r' | sed -n 's/^etag: //p')
get --output /dev/null --write-out '%{http_code}\n' --header "If-None-Match: $tag" "$base/api/stats"
