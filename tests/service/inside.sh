#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What boot.sh runs inside the container. Prints TAP.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
exec 2>&1
cd /medley-test || exit 1
n=0

# check WHAT COMMAND...: one line of TAP, with what the command said when it fails
check() {
  local what=$1
  shift
  n=$((n + 1))
  if "$@" >said 2>&1; then
    echo "ok $n - $what"
  else
    sed 's/^/# /' said
    echo "not ok $n - $what"
    return 1
  fi
}

give_up() {
  journalctl --no-pager -q -o cat -u medley | tail -n 20 | sed 's/^/# /'
  echo "Bail out! nothing else can work"
  exit 1
}

# eventually COMMAND...: tries again for a minute
eventually() {
  local i
  for ((i = 0; i < 600; i++)); do
    "$@" && return 0
    sleep 0.1
  done
  echo "it did not come to: $*"
  return 1
}

ask() { curl -sS --fail-with-body --unix-socket /run/medley/http.sock --max-time 60 "http://localhost$1" "${@:2}"; }
status() { ask /api/v1 | jq -e "$1"; }
job_is() { [ "$(ask "/api/v1/jobs/$1" | jq -r .state)" = "$2" ]; }
lasts() { ffprobe -v error -show_entries format=duration -of csv=p=0 "$1" | awk '{exit !($1 > 1)}'; }
active() { [ "$(systemctl show -P ActiveState medley)" = "$1" ]; }
says() { [ "$(systemctl show -P StatusText medley)" = "$1" ]; }
main_pid() { systemctl show -P MainPID medley; }
restarted() { active active && [ "$(main_pid)" != "$1" ] && ask /readyz >/dev/null; }

speaks() {
  ask /run/speak --data-binary @article.txt -o article.ogg && lasts article.ogg
}

reads() {
  ask '/run/scan-to-speech?output=text' --data-binary @page.png | grep -q lamp
}

films() {
  local job
  head -c 400 article.txt >short.txt
  ask '/run/narrated-video?width=320&height=180' --data-binary @short.txt -D head -o video.webm
  job=$(sed -n 's/^Medley-Job: *\([a-z0-9]*\).*/\1/p' head)
  ask "/api/v1/jobs/$job/outputs/video" -o video.webm && lasts video.webm
}

# The group is the service's own to divide; a kernel that keeps its memory controller elsewhere is not the unit's fault.
may_limit_memory() {
  local group
  group=/sys/fs/cgroup$(systemctl show -P ControlGroup medley)
  [ "$(stat -c %U "$group/cgroup.subtree_control")" = medley ] || return 1
  ! grep -q memory "$group/cgroup.controllers" || status '.workers.memoryLimit == "cgroup"'
}

# The daemon has to see what its workers take, however much of /proc is hidden from it.
keeps_memory_in_bounds() {
  local job
  job=$(ask /api/v1/jobs -H 'Content-Type: application/json' \
    -d '{"pipeline": "leak", "attempts": 1, "inputs": {"text": {"text": "More and more."}}}' | jq -r .id)
  eventually job_is "$job" failed && ask "/api/v1/jobs/$job" | jq -e '.error.code == "memory-limit"'
}

# A job that runs until it is cancelled: its input stays open.
start_open_job() {
  open_job=$(ask /api/v1/jobs -H 'Content-Type: application/json' \
    -d '{"pipeline": "speak", "inputs": {"text": {"upload": true}}}' | jq -r .id)
  mkfifo feed
  ask "/api/v1/jobs/$open_job/inputs/text" -T - -H 'Transfer-Encoding: chunked' <feed >/dev/null 2>&1 &
  exec 9>feed
  echo "The lamp is lit." >&9
  eventually job_is "$open_job" running
}

drains() {
  systemctl stop --no-block medley
  eventually status .draining && eventually says "Draining: 1 job runs, 0 wait" || return 1
  ask /run/speak --data-binary Hello. -o /dev/null -w '%{http_code}' | grep -q 503 || return 1
  # Longer than the unit grants: jobs.drain is longer still, and the daemon says so.
  sleep 4
  echo "The keeper climbs the stair." >&9
  exec 9>&-
  eventually active inactive && [ "$(systemctl show -P Result medley)" = success ]
}

keeps() {
  systemctl start medley && job_is "$open_job" "done" && ask "/api/v1/jobs/$open_job/outputs/speech" -o kept.ogg && lasts kept.ogg
}

hangs_are_noticed() {
  local pid
  pid=$(main_pid)
  kill -STOP "$pid" && eventually restarted "$pid" && job_is "$open_job" "done"
}

crashes_are_survived() {
  local pid
  pid=$(main_pid)
  kill -KILL "$pid" && eventually restarted "$pid" && job_is "$open_job" "done"
}

as_tester() {
  setpriv --reuid tester --regid tester --clear-groups env HOME=/home/tester XDG_RUNTIME_DIR="/run/user/$tester" \
    DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$tester/bus" "$@"
}

# The first call starts it, through systemd.
is_activated() {
  as_tester busctl --user --timeout=60 call org.medley.Medley1 /org/medley/Medley1 org.medley.Manager1 GetStatus >/dev/null \
    && [ "$(as_tester systemctl --user show -P StatusText medley)" = "0 jobs run, 0 wait" ]
}

runs_for_user() {
  as_tester medley run speak :="Hello there, keeper of the lamp." -o /home/tester/hello.ogg && lasts /home/tester/hello.ogg
}

ldconfig
systemd-sysusers
systemctl daemon-reload
# An engine that leaks is dropped where the user of the unit may have plugins and pipelines of its own.
install -d -o medley -g medley /var/lib/medley/{.local,.local/share,.local/share/medley,.local/share/medley/plugins} \
  /var/lib/medley/{.config,.config/medley,.config/medley/pipelines}
install libgstmedleyfake.so /var/lib/medley/.local/share/medley/plugins
printf '[workers]\nmemory-bytes=300MiB\n' >/var/lib/medley/.config/medley/medley.conf
cat >/var/lib/medley/.config/medley/pipelines/leak.json <<END
{ "medley": 1, "inputs": { "text": { "type": "text/plain" } },
  "stages": { "work": { "task": "text-to-text/leak", "engine": "fakeleak", "from": "text", "set": { "mib": 4000 } } },
  "outputs": { "out": { "from": "work", "type": "text/plain" } } }
END
mkdir -p /run/systemd/system/medley.service.d
printf '[Service]\nWatchdogSec=2s\nTimeoutStopSec=2s\n' >/run/systemd/system/medley.service.d/quick.conf
systemctl daemon-reload

check "the machine's unit starts" systemctl start medley
check "it runs as its own user" test "$(ps -o user= -p "$(main_pid)")" = medley
check "it says what it does" says "0 jobs run, 0 wait"
check "the workers' sandbox is whole" status '.sandbox.mode == "strict" and .sandbox.missing == []' || give_up
check "a text is spoken" speaks
check "a page is read" reads
check "an article becomes a video" films
check "memory can be limited by the kernel, where it has that" may_limit_memory
check "a worker that takes too much is stopped" keeps_memory_in_bounds
check "a job runs on" start_open_job
check "it drains" drains
check "jobs are kept over a restart" keeps
check "a daemon that hangs is killed and started again" hangs_are_noticed
check "so is one that dies" crashes_are_survived
check "it stops" systemctl stop medley
check "nothing of it is left" test ! -e /run/medley

useradd --create-home tester
tester=$(id -u tester)
loginctl enable-linger tester
systemctl start "user@$tester.service"
check "a user's unit is started by the first call on the bus" is_activated
check "it runs jobs of that user" runs_for_user
check "it stops" as_tester systemctl --user stop medley
journalctl --no-pager -q -o cat -t medleyd | grep -E 'CRITICAL|WARNING' | sed 's/^/# /'
echo "1..$n"
