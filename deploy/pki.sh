#!/bin/sh
# A demonstration PKI for one authority: its own CA, its node's certificate and its clients' certificates.
# In production these come from OCES3, where the organisation stands in the same subject attribute.
#
# usage: deploy/pki.sh DIR CVR NAME            everything below DIR; what is there already is kept
#        deploy/pki.sh --renew-node DIR        a new key and certificate for the node, swapped in atomically
#
#   DIR/ca.pem, DIR/ca.key                     the authority's CA; ca.pem goes into its peer card
#   DIR/node/cert.pem, key.pem                 the node, as server and as client of other nodes
#                                              (DIR/node is a symbolic link, so that both files change at once)
#   DIR/clients/NAME.pem, NAME.key             clients: case-system-1, case-system-2, registry-feed, administrator-1,
#                                              administrator-2, auditor
#
# MEDFLYT_PKI_DAYS: validity of the certificates in days (default 365).
set -eu
umask 077

usage() {
  sed -n 's/^# usage: /usage: /p; s/^#        deploy/       deploy/p' "$0" >&2
  exit 2
}

days=${MEDFLYT_PKI_DAYS:-365}

# certificate NAME OU COMMON_NAME EXTENSIONS: NAME.pem and NAME.key, signed by the CA; the key is there before the
# certificate, so a run that was interrupted is completed by the next one.
certificate() {
  [ -s "$1.pem" ] && return 0
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -utf8 -config "$work/req.cnf" \
    -keyout "$1.key" -out "$work/request" \
    -subj "/C=DK/O=$name_escaped/organizationIdentifier=NTRDK-$cvr/OU=$2/CN=$3" 2>"$work/log" || fail
  printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" "subjectKeyIdentifier=hash" \
    "authorityKeyIdentifier=keyid" "$4" >"$work/extensions"
  openssl x509 -req -in "$work/request" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -sha256 -days "$days" \
    -set_serial "0x$(openssl rand -hex 16 | sed 's/^./4/')" -extfile "$work/extensions" -out "$work/signed" \
    2>"$work/log" || fail
  mv "$work/signed" "$1.pem"
}

# node_version: a directory of its own with the node's key and certificate, and the link DIR/node to it. The version before
# stays, for who is reading it; older ones go.
node_version() {
  previous=$(readlink "$dir/node" || true)
  version=$(mktemp -d "$dir/node.XXXXXXXX")
  certificate "$version/cert" node localhost "$(printf '%s\n%s' \
    'extendedKeyUsage=serverAuth,clientAuth' 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1')"
  mv "$version/cert.key" "$version/key.pem"
  ln -s "$(basename "$version")" "$work/node"
  mv -T "$work/node" "$dir/node"
  for old in "$dir"/node.*; do
    [ "$old" = "$version" ] || [ "$old" = "$dir/$previous" ] || rm -rf "$old"
  done
}

fail() {
  cat "$work/log" >&2
  exit 1
}

renew=no
if [ "${1:-}" = --renew-node ]; then
  renew=yes
  shift
  [ $# -eq 1 ] || usage
  # The organisation is read back from the CA, so that a renewal cannot change it.
  subject=$(openssl x509 -in "$1/ca.pem" -noout -subject -nameopt sep_multiline,utf8,lname)
  cvr=$(printf '%s\n' "$subject" | sed -n 's/^ *organizationIdentifier=NTRDK-//p')
  name=$(printf '%s\n' "$subject" | sed -n 's/^ *organizationName=//p')
else
  [ $# -eq 3 ] || usage
  cvr=$2
  name=$3
fi
case $cvr in
  [0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]) ;;
  *)
    echo "pki.sh: CVR must be 8 digits" >&2
    exit 2
    ;;
esac
[ -n "$name" ] || usage
# -subj takes / + and \ as its own.
name_escaped=$(printf '%s' "$name" | sed 's/[\\/+]/\\&/g')

mkdir -p "$1"
dir=$(cd "$1" && pwd)
work=$(mktemp -d "$dir/.work.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
# An own configuration: the system's may be absent or ask for other attributes.
printf '%s\n' '[req]' 'distinguished_name=name' '[name]' >"$work/req.cnf"

if [ ! -s "$dir/ca.pem" ]; then
  printf '%s\n' '[ca]' 'basicConstraints=critical,CA:TRUE,pathlen:0' 'keyUsage=critical,keyCertSign,cRLSign' \
    'subjectKeyIdentifier=hash' >>"$work/req.cnf"
  openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -utf8 -days 3650 \
    -config "$work/req.cnf" -extensions ca -keyout "$dir/ca.key" -out "$work/ca" \
    -subj "/C=DK/O=$name_escaped/organizationIdentifier=NTRDK-$cvr/CN=Demonstration CA $cvr" 2>"$work/log" || fail
  mv "$work/ca" "$dir/ca.pem"
fi

if [ $renew = yes ]; then
  node_version
  exit 0
fi
[ -s "$dir/node/cert.pem" ] || node_version

mkdir -p "$dir/clients"
for client in case-system-1 case-system-2 registry-feed administrator-1 administrator-2 auditor; do
  certificate "$dir/clients/$client" "${client%-[12]}" "$client" 'extendedKeyUsage=clientAuth'
done
