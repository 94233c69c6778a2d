// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors

// A stand-in for Terraform providers that can't be had here: it has the schema of the real one (schema.py), plans by it, and
// "makes" things by remembering nothing and answering with what was planned. So Terraform itself checks names, types and
// references, evaluates everything, and keeps a state; nobody says what AWS would say.
package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

func main() {
	// terraform-provider-NAME_vVERSION
	program := filepath.Base(os.Args[0])
	name := strings.TrimPrefix(strings.SplitN(program, "_", 2)[0], "terraform-provider-")
	provider, err := newProvider(name, filepath.Dir(os.Args[0]))
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	err = tf6server.Serve("standin.test/"+name, func() tfprotov6.ProviderServer { return provider })
	if err != nil {
		os.Exit(1)
	}
}
