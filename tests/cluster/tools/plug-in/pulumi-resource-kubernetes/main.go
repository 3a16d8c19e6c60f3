// Command pulumi-resource-kubernetes is Pulumi's own Kubernetes plug-in. Its module keeps its main program apart from
// the library, and that one embeds files which its build makes; here they come from the module as it is.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

// Both files are laid over this folder by build.sh, from the module's cmd/pulumi-resource-kubernetes.
var (
	//go:embed schema.json
	schema []byte
	//go:embed terraform-mapping.json
	mapping []byte
)

func main() {
	provider.Serve("kubernetes", version.Version, schema, mapping)
}
