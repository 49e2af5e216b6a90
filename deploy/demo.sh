#!/usr/bin/env bash
# Three municipalities, three nodes, one afternoon: a place follows a citizen, and everything can be proven afterwards.
# Installs packages, builds, and tells the story step by step; each step shows the command that it ran.
#
#   deploy/demo.sh           on a fresh Debian 12; repeated, it starts the story anew
#   deploy/demo.sh --keep    leaves the nodes running and says how to talk to them
#
# All persons are invented: their CPR numbers are replacement numbers, which belong to nobody.
set -euo pipefail
cd "$(dirname "$0")/.."

keep=no
case "${1:-}" in
  --keep) keep=yes ;;
  '') ;;
  *) echo "usage: $0 [--keep]" >&2; exit 2 ;;
esac

root=$PWD
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1  # as tests/run.sh: compilations are shared between checkouts
build=$root/build/release
demo=$root/build/demo
medflyt=$build/bin/medflyt
export XDG_STATE_HOME=$demo/state  # what is remembered of logs: the next demo has other ones of the same names

odense=35209115 nyborg=29189722 kerteminde=29189706
declare -A code=([odense]=0461 [nyborg]=0450 [kerteminde]=0440)
declare -A title=([odense]='Odense Kommune' [nyborg]='Nyborg Kommune' [kerteminde]='Kerteminde Kommune')
declare -A port=() pid=()
nodes=(odense nyborg kerteminde)

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
step=0
chapter() { step=$((step + 1)); printf '\n%s%d. %s%s\n' "$bold" "$step" "$1" "$plain"; }
tell() { printf '   %s\n' "$*"; }
fail() { printf '\ndemo: FAILED: %s\n' "$*" >&2; exit 1; }

# as PROFILE COMMAND...: runs medflyt as that officer, and shows the command and what it printed.
as() {
  local profile=$1
  shift
  printf '   %s$ medflyt --profile %s' "$dim" "$profile"
  printf ' %q' "$@"
  printf '%s\n' "$plain"
  "$medflyt" "$@" --profiles "$demo/profiles.toml" --profile "$profile" | sed 's/^/     /'
}
# ask PROFILE FILTER COMMAND...: the same without showing, through jq.
ask() {
  local profile=$1 filter=$2
  shift 2
  "$medflyt" "$@" --json --profiles "$demo/profiles.toml" --profile "$profile" | jq -r "$filter"
}
# wait_until WHAT COMMAND...: until the command succeeds, at most a minute.
wait_until() {
  local what=$1 deadline=$((SECONDS + 60))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || fail "waited a minute for: $what"
    sleep 0.1
  done
}
# relocation PROFILE STATE DIRECTION TO: the id of the one relocation like that.
relocation() {
  ask "$1" ".relocations[] | select(.state == \"$2\" and .direction == \"$3\" and .to == \"$4\") | .relocation_id" \
    relocation list | tail -1
}
has_relocation() { [ -n "$(relocation "$@")" ]; }
transfer_is() { [ "$(ask "$1" "[.transfers[] | select(.state == \"$2\")] | length" transfer list)" -ge "$3" ]; }
citizen() { printf '%s\n' "$1" >"$demo/citizen"; }

free_port() {
  local candidate=$1
  while (: <>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; do candidate=$((candidate + 1)); done
  echo "$candidate"
}

start_node() {
  rm -f "$demo/$1/data/listening"
  "$build/bin/medflytd" --config "$demo/$1/medflytd.toml" >>"$demo/$1.log" 2>&1 &
  pid[$1]=$!
  wait_until "the node of $1 serves (see $demo/$1.log)" test -s "$demo/$1/data/listening"
}
stop_nodes() {
  local name
  for name in "${!pid[@]}"; do kill "${pid[$name]}" 2>/dev/null || true; done
  for name in "${!pid[@]}"; do wait "${pid[$name]}" 2>/dev/null || true; done
  pid=()
}
trap stop_nodes EXIT

chapter 'Packages and build'
deploy/packages.sh build
build_log=$root/build/demo-build.log
mkdir -p "$root/build"
# On a terminal, the number of the step that Ninja is at.
show_progress() {
  local line
  while IFS= read -r line; do
    [[ -t 1 && $line =~ ^\[[0-9]+/[0-9]+\] ]] && printf '\r   %s\e[K' "${BASH_REMATCH[0]}"
  done
  if [ -t 1 ]; then printf '\r\e[K'; fi
}
tell "building in $build; the first time takes some minutes (see $build_log)"
if [ ! -f "$build/build.ninja" ]; then
  cmake --preset release -DMEDFLYT_TESTS=OFF -DMEDFLYT_BENCH=OFF >"$build_log" 2>&1 ||
    { tail -20 "$build_log"; fail 'configuration'; }
fi
cmake --build "$build" --target medflyt medflytd 2>&1 | tee "$build_log" | show_progress ||
  { grep -E 'error|FAILED' "$build_log" | head -20; fail 'build'; }
tell "built in $SECONDS s"

if [ -f "$demo/pids" ]; then  # of an earlier --keep
  while read -r old; do
    if [ "$(readlink "/proc/$old/exe" 2>/dev/null)" = "$build/bin/medflytd" ]; then kill "$old"; fi
  done <"$demo/pids"
fi
rm -rf "$demo"
mkdir -p "$demo"

today=$(date +%F)
day() { date -d "$today $1" +%F; }
first=$(date -d "$today -1 year" +%Y-01-01)
last=$(date -d "$today +1 year" +%Y-12-31)

chapter 'Three authorities make their nodes, and let each other in'
tell 'Each has its own certificates (in production from OCES3), keys, configuration and a signed peer card.'
next=7461
for name in "${nodes[@]}"; do
  port[$name]=$(free_port "$next")
  next=$((port[$name] + 1))
  deploy/pki.sh "$demo/pki/$name" "${!name}" "${title[$name]}" >/dev/null
  printf '   %s$ medflyt node init --dir %s --authority %s --name %q --code %s ...%s\n' "$dim" "$name" "${!name}" \
    "${title[$name]}" "${code[$name]}" "$plain"
  "$medflyt" node init --dir "$demo/$name" --authority "${!name}" --name "${title[$name]}" --code "${code[$name]}" \
    --since 2007-01-01 --endpoint "127.0.0.1:${port[$name]}" --tls-certificate "$demo/pki/$name/node/cert.pem" \
    --tls-key "$demo/pki/$name/node/key.pem" --issuers "$demo/pki/$name/ca.pem" \
    --legal-bases "$root/deploy/legal-bases.toml" --retention "$root/deploy/retention.toml" | sed 's/^/     /'
  for role in case-system-1 case-system-2 registry-feed administrator-1 auditor; do
    case $role in
      case-system-1) profile=$name officer="anna.$name" ;;
      case-system-2) profile=$name-second officer="bo.$name" ;;
      registry-feed) profile=$name-registry officer="registry.$name" ;;
      administrator-1) profile=$name-admin officer="admin.$name" ;;
      auditor) profile=$name-auditor officer="auditor.$name" ;;
    esac
    cat >>"$demo/profiles.toml" <<PROFILE
[profile.$profile]
address = "127.0.0.1:${port[$name]}"
ca = "$demo/pki/$name/ca.pem"
certificate = "$demo/pki/$name/clients/$role.pem"
key = "$demo/pki/$name/clients/$role.key"
officer = "$officer"
purpose = "demonstration"

PROFILE
  done
done
for name in "${nodes[@]}"; do
  for other in "${nodes[@]}"; do
    [ "$name" = "$other" ] && continue
    fingerprint=$("$medflyt" peer add "$demo/$other/node.card" --dir "$demo/$name" --json 2>/dev/null | jq -r .fingerprint || true)
    "$medflyt" peer add "$demo/$other/node.card" --dir "$demo/$name" --fingerprint "$fingerprint" >/dev/null
  done
done
tell 'On the telephone both read the same fingerprint, so:'
printf "   %s\$ medflyt peer add nyborg.card --dir odense --fingerprint '...'%s\n" "$dim" "$plain"
for name in "${nodes[@]}"; do start_node "$name"; done
connected() { [ "$(ask "$1-admin" '[.peers[] | select(.connected)] | length' node status)" -eq 2 ]; }
for name in "${nodes[@]}"; do wait_until "$name is connected to its peers" connected "$name"; done
as odense-admin peer list

chapter 'Odense sells places: three to Nyborg, one to Kerteminde'
propose() {  # propose BUYER CAPACITY
  as odense agreement propose --provider $odense --buyer "$1" --capacity "$2" --price-ore 1250000 --from "$first" \
    --to "$last" --legal-basis RSL-12A --council-case 2025-117
}
propose $nyborg 3
propose $kerteminde 1
agreement() { ask "$1" '.agreements[0].agreement_id // empty' agreement list; }
for name in nyborg kerteminde; do
  has_agreement() { [ -n "$(agreement "$name")" ]; }
  wait_until "the proposal reaches $name" has_agreement
  as "$name" agreement accept "$(agreement "$name")"
done
in_force() { [ "$(ask odense '[.agreements[] | select(.state == "in-force")] | length' agreement list)" = 2 ]; }
wait_until 'both agreements are in force' in_force
as odense agreement list
nyborg_agreement=$(agreement nyborg) kerteminde_agreement=$(agreement kerteminde)

chapter 'Citizens are enrolled: three of Odense, one of Nyborg'
# On what ground another authority is told of a citizen: with the first command in each case.
echo 'The effort must not stop at the border' >"$demo/necessity"
ground=(--legal-basis RSL-11C --necessity-file "$demo/necessity" --journal 2026-118 --data identity
  --data service --data residence)
enrol() {  # enrol PROFILE CPR [--agreement ID]
  citizen "$2"
  as "$1" enrolment propose --provider $odense --from "$(day '-60 days')" --cpr-file "$demo/citizen" "${@:3}"
}
birgit=6101901000 carl=6202911001 dorte=6303921002 erik=6404931003
enrol odense $birgit
enrol odense $carl
enrol odense $dorte
enrol nyborg $erik --agreement "$nyborg_agreement" "${ground[@]}"
proposed() { [ "$(ask odense '[.enrolments[] | select(.state == "proposed")] | length' enrolment list)" = 4 ]; }
wait_until 'all proposals reach the provider' proposed
for id in $(ask odense ".enrolments[] | select(.responsible == \"$odense\") | .enrolment_id" enrolment list); do
  as odense enrolment start "$id" --from "$(day '-60 days')"
done
tell "Nyborg's citizen: what Odense tells Nyborg needs a ground, which an officer confirms."
erik_enrolment=$(ask odense ".enrolments[] | select(.responsible != \"$odense\") | .enrolment_id" enrolment list)
"$medflyt" enrolment start "$erik_enrolment" --from "$(day '-60 days')" --profiles "$demo/profiles.toml" --profile odense 2>&1 |
  sed 's/^/     /' || true
as odense enrolment start "$erik_enrolment" --from "$(day '-60 days')" "${ground[@]}"
as odense place list --agreement "$nyborg_agreement"

chapter "The registry's extract arrives in Odense: three citizens have moved, one of them protected"
extract() {  # extract FILE < persons
  deploy/make_extract.py --production "$today" --previous "$(day '-1 day')" --output "$1"
}
extract "$demo/odense.extract" <<PERSONS
{"cpr": "$birgit", "from": "0461", "to": "0450", "date": "$(day '-10 days')"}
{"cpr": "$carl", "from": "0461", "to": "0440", "date": "$(day '-9 days')"}
{"cpr": "$dorte", "from": "0461", "to": "0450", "date": "$(day '-8 days')", "protected": true}
{"cpr": "6505941004", "from": "0461", "to": "0430", "date": "$(day '-7 days')"}
PERSONS
printf '   %s$ medflyt cpr inspect odense.extract%s\n' "$dim" "$plain"
"$medflyt" cpr inspect "$demo/odense.extract" | sed 's/^/     /'
tell 'Only enrolled citizens are matched; of anyone else nothing is kept.'
as odense-registry cpr import "$demo/odense.extract"

chapter 'Odense -> Nyborg: an officer assesses, discloses and announces'
decide() {  # decide PROFILE RELOCATION
  as "$1" relocation assess "$2" --disclose "${ground[@]}"
  as "$1" relocation announce "$2"
}
decide odense "$(relocation odense in-assessment out 0450)"
wait_until 'the announcement reaches Nyborg' has_relocation nyborg announced in 0450
incoming=$(relocation nyborg announced in 0450)
as nyborg relocation acknowledge "$incoming"

chapter 'Nyborg asks for the place while the node of Odense is down'
tell "kill -9 ${pid[odense]} (Odense)"
kill -9 "${pid[odense]}"
wait "${pid[odense]}" 2>/dev/null || true
as nyborg transfer request "$incoming" --agreement "$nyborg_agreement" "${ground[@]}"
tell 'Acknowledged to Nyborg means durable in Nyborg; it waits for Odense.'
start_node odense
tell 'Odense is back.'
wait_until 'the transfer is done' transfer_is odense 'done' 1
as odense transfer list
citizen $birgit
as odense enrolment show --cpr-file "$demo/citizen"
nyborg_knows() { "$medflyt" enrolment show --cpr-file "$demo/citizen" --profiles "$demo/profiles.toml" --profile nyborg; }
wait_until 'Nyborg is told' nyborg_knows
as nyborg enrolment show --cpr-file "$demo/citizen"
tell 'Kerteminde knows nothing of this citizen, and the question itself is recorded there:'
"$medflyt" enrolment show --cpr-file "$demo/citizen" --profiles "$demo/profiles.toml" --profile kerteminde 2>&1 |
  sed 's/^/     /' || true

chapter 'Nyborg -> Kerteminde: the buyer announces, the new buyer presents the announcement'
extract "$demo/nyborg.extract" <<PERSONS
{"cpr": "$erik", "from": "0450", "to": "0440", "date": "$(day '-9 days')"}
PERSONS
as nyborg-registry cpr import "$demo/nyborg.extract"
decide nyborg "$(relocation nyborg in-assessment out 0440)"
wait_until 'the announcement reaches Kerteminde' has_relocation kerteminde announced in 0440
erik_move=$(relocation kerteminde announced in 0440)
as kerteminde relocation acknowledge "$erik_move"
as kerteminde transfer request "$erik_move" --agreement "$kerteminde_agreement" "${ground[@]}"
wait_until 'the second transfer is done' transfer_is odense 'done' 2
as odense place list --agreement "$kerteminde_agreement"

chapter 'Odense -> Kerteminde: the one place is taken, so the third citizen waits, and is placed when it is free'
decide odense "$(relocation odense in-assessment out 0440)"
wait_until 'the announcement reaches Kerteminde' has_relocation kerteminde announced in 0440
carl_move=$(relocation kerteminde announced in 0440)
as kerteminde relocation acknowledge "$carl_move"
as kerteminde transfer request "$carl_move" --agreement "$kerteminde_agreement" "${ground[@]}"
wait_until 'the third transfer is done' transfer_is odense 'done' 3
as odense place waiting --agreement "$kerteminde_agreement"
tell 'A job was found for the citizen who has the place:'
as odense enrolment end "$erik_enrolment" --from "$today" --reason job "${ground[@]}"
as odense place list --agreement "$kerteminde_agreement"
citizen $carl
as odense enrolment show --cpr-file "$demo/citizen"

chapter 'The protected move is on hold: two officers release it, or nobody'
held=$(relocation odense held out 0450)
as odense relocation show "$held"
as odense relocation release "$held"
tell 'The same officer again:'
"$medflyt" relocation release "$held" --profiles "$demo/profiles.toml" --profile odense 2>&1 | sed 's/^/     /' || true
tell 'It stays on hold: nothing was sent to anyone.'

chapter 'Every log is verified offline, with files and public keys only'
settled() {
  [ "$(ask "$1-admin" '[.peers[] | select(.issued != .receipted)] | length' node status)" = 0 ]
}
for name in "${nodes[@]}"; do wait_until "$name has every receipt" settled "$name"; done
for name in "${nodes[@]}"; do
  as "$name-auditor" audit export --tiles "$demo/audit/$name" --card "$demo/$name/node.card"
  printf '   %s$ medflyt audit verify %s --card %s.card%s\n' "$dim" "audit/$name" "$name" "$plain"
  "$medflyt" audit verify "$demo/audit/$name" --card "$demo/$name/node.card" | sed 's/^/     /'
done

chapter "The announcement's own proof, written by Nyborg, which received it"
announced=$(ask nyborg '.events[] | select(.type == "RelocationAnnounced") | .event_id' event watch | head -1)
as nyborg event proof "$announced" --out "$demo/announcement"
printf '   %s$ medflyt event verify announcement.tlog-proof announcement.entry --card odense.card%s\n' "$dim" "$plain"
"$medflyt" event verify "$demo/announcement.tlog-proof" "$demo/announcement.entry" --card "$demo/odense/node.card" |
  sed 's/^/     /'

chapter 'A flipped byte in a copied log is found'
cp -r "$demo/audit/odense" "$demo/audit/odense-altered"
bundle=$(find "$demo/audit/odense-altered/tile/entries" -type f | sort | head -1)
printf '\x55' | dd of="$bundle" bs=1 seek=700 conv=notrunc status=none
cmp -s "$bundle" "${bundle/odense-altered/odense}" && printf '\xaa' | dd of="$bundle" bs=1 seek=700 conv=notrunc status=none
printf '   %s$ medflyt audit verify audit/odense-altered --card odense.card%s\n' "$dim" "$plain"
verdict=0
"$medflyt" audit verify "$demo/audit/odense-altered" --card "$demo/odense/node.card" 2>&1 | sed 's/^/     /' || verdict=$?
[ "$verdict" = 3 ] || fail "an altered log ended with exit code $verdict, not 3"
tell 'Exit code 3: the log is not what was signed.'

if [ "$keep" = yes ]; then
  for name in "${nodes[@]}"; do echo "${pid[$name]}"; done >"$demo/pids"
  trap - EXIT
  disown -a
  chapter 'The nodes keep running'
  tell "talk to them:  $medflyt --profiles $demo/profiles.toml --profile odense enrolment list"
  tell "profiles:      $(sed -n 's/^\[profile\.\(.*\)\]$/\1/p' "$demo/profiles.toml" | tr '\n' ' ')"
  tell "logs:          $demo/*.log"
  tell "stop them:     kill $(tr '\n' ' ' <"$demo/pids")"
else
  stop_nodes
fi
printf '\ndemo: OK, %d steps in %d s\n' "$step" "$SECONDS"
