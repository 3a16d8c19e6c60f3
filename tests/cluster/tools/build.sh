#!/usr/bin/env bash
# Build the test cluster's programs from their Go modules, once, into a cache outside the checkout.
# Prints the folder; a build already there is used. Keyed by every go.sum, so a new version builds anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
command -v go >/dev/null || { echo "The test cluster is built from Go modules, and \`go\` was not found. Install Go 1.26 or newer." >&2; exit 1; }
key=$(cat */go.mod */go.sum build.sh | sha256sum | cut -c1-16)
home="${MLOPS_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mlops-cluster}/$key"
if [ ! -e "$home/ready" ]; then
  mkdir -p "$home/bin"
  exec 9>"$home/lock"
  flock 9
  build() {  # folder, flags of the linker, packages…
    local folder=$1 flags=$2; shift 2
    for package in "$@"; do
      local name; name=$(basename "${package%/v3}"); [ "$package" = go.etcd.io/etcd/server/v3 ] && name=etcd
      [ -x "$home/bin/$name" ] && continue
      echo "building $name" >&2
      (cd "$folder" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $flags" -o "$home/bin/$name.part" "$package")
      mv "$home/bin/$name.part" "$home/bin/$name"
    done
  }
  version() { (cd "$1" && go list -m -f '{{.Version}}' "$2"); }
  files() { (cd etcd && go mod download -json "$1@$(version . "$1")" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'); }
  build pulumi "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$(version pulumi github.com/pulumi/pulumi/pkg/v3)" \
    github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
  build kubernetes "-X k8s.io/component-base/version.gitVersion=$(version kubernetes k8s.io/kubernetes)" \
    k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler
  build etcd "" go.etcd.io/etcd/server/v3 sigs.k8s.io/kwok/cmd/kwok
  mkdir -p "$home/kwok" "$home/gateway-api"
  cp -r "$(files sigs.k8s.io/kwok)"/kustomize/stage/{node,pod} "$home/kwok/"
  cp "$(files sigs.k8s.io/gateway-api)"/config/crd/standard/*.yaml "$home/gateway-api/"
  chmod -R u+w "$home"
  touch "$home/ready"
fi
echo "$home"
