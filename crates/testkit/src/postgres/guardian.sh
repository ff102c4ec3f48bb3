# Runs a PostgreSQL server on behalf of a test process and outlives it by moments.
# Usage: sh guardian.sh RUN COMMAND...
# Orders come as lines on standard input; its end means that the test process is gone, however
# it went. The N-th start writes the server's process id to RUN/pid.N and, once the server has
# ended, its exit status to RUN/exit.N. No file is ever written twice, so that a look at the
# wrong moment sees nothing instead of something old.
run=$1
shift
starts=0
trap '' HUP INT

# Ends the server with signal $1, repeated because a server that has only just been started may
# not listen to signals yet. After half a minute with SIGKILL.
halt() {
    signal=$1 rounds=0
    [ "$starts" -gt 0 ] || return 0
    until [ -s "$run/exit.$starts" ] || [ "$rounds" -gt 400 ]; do
        [ "$rounds" -lt 300 ] || signal=KILL
        kill -"$signal" "$(cat "$run/pid.$starts")" 2>/dev/null
        rounds=$((rounds + 1))
        sleep 0.1
    done
}

while read -r order; do
    case $order in
    start)
        starts=$((starts + 1))
        (
            "$@" </dev/null >>"$run/log" 2>&1 &
            echo $! >"$run/pid.$starts"
            wait $!
            echo $? >"$run/exit.$starts"
        ) &
        until [ -s "$run/pid.$starts" ]; do sleep 0.05; done
        ;;
    stop)
        halt INT
        ;;
    esac
done
halt QUIT
rm -rf "$run"
