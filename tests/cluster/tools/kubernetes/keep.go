//go:build keep

// Package keep holds in go.mod the modules whose files, not programs, the test cluster needs.
package keep

import _ "sigs.k8s.io/gateway-api/apis/v1"
