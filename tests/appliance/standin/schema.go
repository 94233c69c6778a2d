// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type attribute struct {
	Type                         json.RawMessage
	Required, Optional, Computed bool
}

type nestedBlock struct {
	Nesting string
	Block   block
}

type block struct {
	Attributes map[string]attribute
	Blocks     map[string]nestedBlock
}

// What schema.py writes; what the answers to data sources are, by type and attribute.
type description struct {
	Resources, Data map[string]block
	Answers         map[string]map[string]json.RawMessage
}

func readDescription(directory string) (*description, error) {
	var result description
	for _, name := range []string{"schema.json", "answers.json"} {
		text, err := os.ReadFile(filepath.Join(directory, name))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &result); err != nil {
			return nil, err
		}
	}
	return &result, nil
}

var nestings = map[string]tfprotov6.SchemaNestedBlockNestingMode{
	"list": tfprotov6.SchemaNestedBlockNestingModeList, "set": tfprotov6.SchemaNestedBlockNestingModeSet,
	"single": tfprotov6.SchemaNestedBlockNestingModeSingle,
}

func sorted[T any](m map[string]T) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func schemaOf(b block) *tfprotov6.SchemaBlock {
	result := &tfprotov6.SchemaBlock{}
	for _, name := range sorted(b.Attributes) {
		a := b.Attributes[name]
		kind, err := tftypes.ParseJSONType(a.Type) //nolint:staticcheck // the only way from text to a type
		if err != nil {
			panic(err)
		}
		result.Attributes = append(result.Attributes, &tfprotov6.SchemaAttribute{Name: name, Type: kind, Required: a.Required,
			Optional: a.Optional, Computed: a.Computed && !isWriteOnly(name, a), WriteOnly: isWriteOnly(name, a)})
	}
	for _, name := range sorted(b.Blocks) {
		n := b.Blocks[name]
		result.BlockTypes = append(result.BlockTypes, &tfprotov6.SchemaNestedBlock{TypeName: name, Block: schemaOf(n.Block), Nesting: nestings[n.Nesting]})
	}
	return result
}

// The provider's own convention for what is never kept.
func isWriteOnly(name string, a attribute) bool {
	return a.Optional && strings.HasSuffix(name, "_wo")
}
