# shellcheck shell=bash
# shellcheck disable=SC2154 # dir, pids and the rest are run's
# blobs.sh -- what `run`, which reads this, measures of drsync copy.
#
# Against bench_null_store, which answers at once, on a core of its own, so
# that the client is what is measured, on another; and, shown only, Azurite.

: "${BLOBS:=20000}" "${NAMES:=10000000}" "${AZURITE_BLOBS:=2000}"
: "${AT_ONCE:=64}"

start_null() {
	mkfifo "$dir/null-in"
	taskset -c 1 "$BENCHDIR/bench_null_store" <"$dir/null-in" \
		>"$dir/null-port" &
	pids[null]=$!
	exec {null_in}>"$dir/null-in"
	until [ -s "$dir/null-port" ]; do
		kill -0 "${pids[null]}" || die "bench_null_store does not start"
		sleep 0.05
	done
	null_url=http://127.0.0.1:$(cat "$dir/null-port")
	NULL_KEY=$(head -c 64 /dev/zero | base64 -w 0)
	export NULL_KEY
}

stop_null() {
	exec {null_in}>&-
	wait "${pids[null]}" 2>/dev/null || true
	unset "pids[null]"
	rm "$dir/null-in" "$dir/null-port"
}

# null_told NAME: a line of the server's counts.
null_told() {
	local port=${null_url##*:} name n

	exec {stats}<>"/dev/tcp/127.0.0.1/$port"
	printf 'GET /stats HTTP/1.1\r\nHost: x\r\n\r\n' >&"$stats"
	while read -r -t 2 -u "$stats" name n; do
		[ "$name" != "$1" ] || break
	done
	exec {stats}>&-
	printf '%s' "${n%$'\r'}"
}

# null_copy SERIES SRC DST: two of its containers.
null_copy() {
	timed "$1" taskset -c 0 "$DRSYNC" copy "$null_url/here/$2" \
		"$null_url/there/$3" --store-key env:NULL_KEY \
		--dr-store-key env:NULL_KEY --state-dir "$dir/state" --quiet \
		--json --at-once "$AT_ONCE"
}

null_rclone() {
	timed "$1" taskset -c 0 rclone sync --config /dev/null \
		--transfers "$AT_ONCE" --checkers "$AT_ONCE" \
		":azureblob,sas_url='$null_url/here/$2?sv=1&sig=1':$2" \
		":azureblob,sas_url='$null_url/there/$3?sv=1&sig=1':$3"
}

per_second() {
	awk -v n="$1" -v s="$2" 'BEGIN { printf "%.0f", n / s }'
}

small_blobs() {
	local full=c$BLOBS-4096-full rate

	say "$BLOBS blobs of 4 KiB, at most $AT_ONCE at once, one core"
	for ((i = 0; i < RUNS; i++)); do
		null_copy blobs-cold "$full" "c$BLOBS-4096-ours$i"
		null_rclone blobs-rclone-cold "$full" "c$BLOBS-4096-theirs$i"
		null_copy blobs-again "$full" "c$BLOBS-4096-ours$i"
		null_rclone blobs-rclone-again "$full" "c$BLOBS-4096-theirs$i"
	done
	faster "blobs, cold: rclone sync" blobs-cold blobs-rclone-cold 3
	faster "blobs, nothing to do: rclone sync" blobs-again \
		blobs-rclone-again 3
	rate=$(per_second "$BLOBS" "$(median blobs-cold)")
	target "server-side copies a second" "$rate" - "$rate" at-least 15000
	rss "blobs" blobs-cold
}

# User and system time of the process, which is the client's alone.
cpu_per_blob() {
	local cpu

	/usr/bin/time -o "$dir/one" -f '%U %S' taskset -c 0 "$DRSYNC" copy \
		"$null_url/here/c$BLOBS-4096-full" \
		"$null_url/there/c$BLOBS-4096-cpu" --store-key env:NULL_KEY \
		--dr-store-key env:NULL_KEY --state-dir "$dir/state" --quiet \
		--json --at-once "$AT_ONCE" >"$dir/out" ||
		die "copying: $(tail -n 3 "$dir/out")"
	cpu=$(awk -v n="$BLOBS" '{ printf "%.1f", ($1 + $2) * 1e6 / n }' \
		"$dir/one")
	told "CPU time per copied blob" "$cpu us" -
}

many_names() {
	local few=$((NAMES / 10)) rate small large

	say "comparing $few and $NAMES names on each side"
	null_copy names-few "c$few-100-full" "c$few-100-full"
	null_copy names-many "c$NAMES-100-full" "c$NAMES-100-full"
	rate=$(per_second $((2 * NAMES)) "$(median names-many)")
	target "names compared a second, both sides" "$rate" - "$rate" \
		at-least 150000
	small=$(peak_mb names-few)
	large=$(peak_mb names-many)
	target "peak RSS, $NAMES names" "$large MiB" - "$large" at-most 128
	target "peak RSS, to $few names" "$large MiB" "$small MiB" \
		"$(awk -v a="$large" -v b="$small" 'BEGIN { print a / b }')" \
		at-most 1.1
}

one_large_blob() {
	local before after

	say "one blob of 8 GiB, by the service's blocks"
	before=$(null_told body_bytes)
	null_copy large-blob c1-8589934592-full c1-8589934592-one
	after=$(null_told body_bytes)
	told "8 GiB by blocks" "$(median large-blob) s" -
	target "8 GiB by blocks: bytes sent by us" $((after - before)) - \
		$((after - before)) at-most 1048576
	target "connections at once, all of the above" \
		"$(null_told most_connections)" - \
		"$(null_told most_connections)" at-most $((AT_ONCE + 16))
}

copy_blobs() {
	start_null
	small_blobs
	cpu_per_blob
	many_names
	one_large_blob
	stop_null
}
