// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type provider struct {
	tfprotov6.ProviderServer // what isn't here isn't asked for
	name                     string
	said                     *description
	schema                   *tfprotov6.GetProviderSchemaResponse
}

var anything = &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{{Name: "region", Type: tftypes.String, Optional: true}}}}

// random has nothing here but what is never kept.
var password = &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{
	{Name: "length", Type: tftypes.Number, Required: true}, {Name: "special", Type: tftypes.Bool, Optional: true},
	{Name: "result", Type: tftypes.String, Computed: true, Sensitive: true}}}}

func newProvider(name, directory string) (*provider, error) {
	p := &provider{name: name, schema: &tfprotov6.GetProviderSchemaResponse{Provider: anything,
		ResourceSchemas: map[string]*tfprotov6.Schema{}, DataSourceSchemas: map[string]*tfprotov6.Schema{},
		EphemeralResourceSchemas: map[string]*tfprotov6.Schema{}}}
	if name == "random" {
		p.schema.EphemeralResourceSchemas["random_password"] = password
		return p, nil
	}
	said, err := readDescription(directory)
	if err != nil {
		return nil, err
	}
	p.said = said
	for kind, b := range said.Resources {
		p.schema.ResourceSchemas[kind] = &tfprotov6.Schema{Block: schemaOf(b)}
	}
	for kind, b := range said.Data {
		p.schema.DataSourceSchemas[kind] = &tfprotov6.Schema{Block: schemaOf(b)}
	}
	return p, nil
}

func (p *provider) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	return &tfprotov6.GetMetadataResponse{}, nil
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return p.schema, nil
}

func (p *provider) ValidateProviderConfig(_ context.Context, r *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (p *provider) ConfigureProvider(context.Context, *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	return &tfprotov6.ConfigureProviderResponse{}, nil
}

func (p *provider) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func (p *provider) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (p *provider) ValidateDataResourceConfig(context.Context, *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

func (p *provider) ValidateEphemeralResourceConfig(context.Context, *tfprotov6.ValidateEphemeralResourceConfigRequest) (*tfprotov6.ValidateEphemeralResourceConfigResponse, error) {
	return &tfprotov6.ValidateEphemeralResourceConfigResponse{}, nil
}

func (p *provider) UpgradeResourceState(_ context.Context, r *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	value, err := r.RawState.Unmarshal(p.schema.ResourceSchemas[r.TypeName].ValueType())
	if err != nil {
		return nil, err
	}
	state, err := pack(value)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: state}, err
}

func (p *provider) ReadResource(_ context.Context, r *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	return &tfprotov6.ReadResourceResponse{NewState: r.CurrentState, Private: r.Private}, nil
}

func pack(value tftypes.Value) (*tfprotov6.DynamicValue, error) {
	result, err := tfprotov6.NewDynamicValue(value.Type(), value)
	return &result, err
}

// The value with each attribute at the top replaced by what `change` makes of it.
func rewrite(schema *tfprotov6.Schema, packed *tfprotov6.DynamicValue, change func(*tfprotov6.SchemaAttribute, tftypes.Value) tftypes.Value) (*tfprotov6.DynamicValue, error) {
	value, err := packed.Unmarshal(schema.ValueType())
	if err != nil || value.IsNull() {
		return packed, err
	}
	members := map[string]tftypes.Value{}
	if err := value.As(&members); err != nil {
		return nil, err
	}
	for _, a := range schema.Block.Attributes {
		members[a.Name] = change(a, members[a.Name])
	}
	return pack(tftypes.NewValue(value.Type(), members))
}

// On creation what isn't given and gets a value by itself isn't known yet.
func (p *provider) PlanResourceChange(_ context.Context, r *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	schema := p.schema.ResourceSchemas[r.TypeName]
	prior, err := r.PriorState.Unmarshal(schema.ValueType())
	if err != nil {
		return nil, err
	}
	planned, err := rewrite(schema, r.ProposedNewState, func(a *tfprotov6.SchemaAttribute, v tftypes.Value) tftypes.Value {
		if a.WriteOnly {
			return tftypes.NewValue(a.Type, nil)
		}
		if prior.IsNull() && a.Computed && v.IsNull() {
			return tftypes.NewValue(a.Type, tftypes.UnknownValue)
		}
		return v
	})
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: planned}, err
}

func (p *provider) ApplyResourceChange(_ context.Context, r *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	state, err := rewrite(p.schema.ResourceSchemas[r.TypeName], r.PlannedState, func(a *tfprotov6.SchemaAttribute, v tftypes.Value) tftypes.Value {
		if v.IsKnown() {
			return v
		}
		return invent(a)
	})
	return &tfprotov6.ApplyResourceChangeResponse{NewState: state}, err
}

func (p *provider) ReadDataSource(_ context.Context, r *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	answers := p.said.Answers[r.TypeName]
	state, err := rewrite(p.schema.DataSourceSchemas[r.TypeName], r.Config, func(a *tfprotov6.SchemaAttribute, v tftypes.Value) tftypes.Value {
		if text, ok := answers[a.Name]; ok {
			value, err := tftypes.ValueFromJSON(text, a.Type) //nolint:staticcheck // as for a state
			if err != nil {
				panic(fmt.Sprintf("%s.%s: %s", r.TypeName, a.Name, err))
			}
			return value
		}
		if a.Computed && v.IsNull() {
			return invent(a)
		}
		return v
	})
	return &tfprotov6.ReadDataSourceResponse{State: state}, err
}

func (p *provider) OpenEphemeralResource(_ context.Context, r *tfprotov6.OpenEphemeralResourceRequest) (*tfprotov6.OpenEphemeralResourceResponse, error) {
	result, err := rewrite(p.schema.EphemeralResourceSchemas[r.TypeName], r.Config, func(a *tfprotov6.SchemaAttribute, v tftypes.Value) tftypes.Value {
		if a.Computed {
			return invent(a)
		}
		return v
	})
	return &tfprotov6.OpenEphemeralResourceResponse{Result: result}, err
}

func (p *provider) CloseEphemeralResource(context.Context, *tfprotov6.CloseEphemeralResourceRequest) (*tfprotov6.CloseEphemeralResourceResponse, error) {
	return &tfprotov6.CloseEphemeralResourceResponse{}, nil
}

func word() string {
	bytes := make([]byte, 8)
	_, _ = rand.Read(bytes)
	return hex.EncodeToString(bytes)
}

// A value that nobody else has, where the type has such.
func invent(a *tfprotov6.SchemaAttribute) tftypes.Value {
	switch {
	case a.Type.Is(tftypes.String):
		return tftypes.NewValue(a.Type, "made-"+a.Name+"-"+word())
	case a.Type.Is(tftypes.Number):
		return tftypes.NewValue(a.Type, big.NewFloat(1))
	case a.Type.Is(tftypes.Bool):
		return tftypes.NewValue(a.Type, false)
	case a.Type.Is(tftypes.Map{}):
		return tftypes.NewValue(a.Type, map[string]tftypes.Value{})
	case a.Type.Is(tftypes.List{}), a.Type.Is(tftypes.Set{}):
		return tftypes.NewValue(a.Type, []tftypes.Value{})
	}
	return tftypes.NewValue(a.Type, nil)
}
