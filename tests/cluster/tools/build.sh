#!/usr/bin/env bash
# Build the test cluster's programs from their Go modules, once, into a cache outside the checkout.
# Prints the folder; a build already there is used. Keyed by every go.sum, so a new version builds anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
command -v go >/dev/null || { echo "The test cluster is built from Go modules, and \`go\` was not found. Install Go 1.26 or newer." >&2; exit 1; }
asked=$(sed -n 's/^pulumi-kubernetes==//p' ../../../requirements.lock)
key=$( (cat */go.mod */go.sum */*/*.go build.sh; echo "$asked") | sha256sum | cut -c1-16)
home="${MLOPS_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mlops-cluster}/$key"
if [ ! -e "$home/ready" ]; then
  mkdir -p "$home/bin" "$home/plug-ins" "$home/part"
  exec 9>"$home/lock"
  flock 9
  version() { (cd "$1" && go list -m -f '{{.Version}}' "$2"); }
  files() { (cd "$1" && go mod download -json "$2@$(version . "$2")" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'); }
  # folder, flags of the linker, flags of the build, packages…: one command, so that one program links while another compiles
  build() {
    local folder=$1 link=$2 flags=$3; shift 3
    echo "building $*" >&2
    (cd "$folder" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $link" $flags -o "$home/part/" "$@")
  }
  # The plug-in says that it is the version that the SDK asks for, where the engine would warn of another in every preview. It embeds its schema, which lies in the folder of its module's own main program.
  plugin=github.com/pulumi/pulumi-kubernetes/provider/v4
  from="$(files plug-in $plugin)/cmd/pulumi-resource-kubernetes" to="$PWD/plug-in/pulumi-resource-kubernetes"
  printf '{"Replace": {"%s/schema.json": "%s/schema.json", "%s/terraform-mapping.json": "%s/terraform-mapping.json"}}' \
    "$to" "$from" "$to" "$from" >"$home/embedded.json"
  pulumi=github.com/pulumi/pulumi
  build pulumi "-X $pulumi/sdk/v3/go/common/version.Version=$(version pulumi $pulumi/pkg/v3)" "" $pulumi/pkg/v3/cmd/pulumi &
  engine=$!
  build plug-in "-X $plugin/pkg/version.Version=$asked" "-overlay $home/embedded.json" ./pulumi-resource-kubernetes &
  plug_in=$!
  build kubernetes "-X k8s.io/component-base/version.gitVersion=$(version kubernetes k8s.io/kubernetes)" "" \
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler} go.etcd.io/etcd/server/v3 sigs.k8s.io/kwok/cmd/kwok &
  cluster=$!
  wait "$engine"
  wait "$plug_in"
  wait "$cluster"
  mv "$home/part/server" "$home/bin/etcd"
  mv "$home/part/pulumi-resource-kubernetes" "$home/plug-ins/"  # not on the PATH, where the engine would find it by itself
  mv "$home/part/"* "$home/bin/" && rmdir "$home/part"
  mkdir -p "$home/kwok" "$home/gateway-api"
  cp -r "$(files kubernetes sigs.k8s.io/kwok)"/kustomize/stage/{node,pod} "$home/kwok/"
  cp "$(files kubernetes sigs.k8s.io/gateway-api)"/config/crd/standard/*.yaml "$home/gateway-api/"
  chmod -R u+w "$home"
  touch "$home/ready"
fi
echo "$home"
