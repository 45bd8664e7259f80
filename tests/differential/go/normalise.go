package main

import (
	"reflect"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/runconfig"
	"github.com/docker/go-connections/nat"
)

// Removes differences that the broker introduces and dockerd does not see.
func normalise(understood interface{}) {
	switch body := understood.(type) {
	case *runconfig.ContainerConfigWrapper:
		normaliseContainer(body)
	case *[]string:
		// A body that is `null` has nothing to forward, like one that is `[]`.
		if *body == nil {
			*body = []string{}
		}
	case *types.PluginPrivileges:
		if *body == nil {
			*body = types.PluginPrivileges{}
		}
	}
}

func normaliseContainer(wrapper *runconfig.ContainerConfigWrapper) {
	// Both structs get the keys of both bodies. For a key with `null`, which the broker leaves out, Go
	// creates a struct that says nothing.
	if wrapper.Config == nil {
		wrapper.Config = &container.Config{}
	}
	if wrapper.HostConfig != nil && reflect.DeepEqual(*wrapper.HostConfig, container.HostConfig{}) {
		wrapper.HostConfig = nil
	}
	wrapper.ExposedPorts = canonical(wrapper.ExposedPorts)
	if wrapper.InnerHostConfig != nil {
		wrapper.InnerHostConfig.PortBindings = canonical(wrapper.InnerHostConfig.PortBindings)
	}
}

// Ports are written `80`, `80/tcp` or `80/TCP`. nat.ParsePortSpec and the network types of later
// releases read them alike. Two forms of one port stay unchanged.
func canonical[M ~map[nat.Port]V, V any](ports M) M {
	if ports == nil {
		return nil
	}
	canonical := make(M, len(ports))
	for port, value := range ports {
		numbers, protocol, named := strings.Cut(string(port), "/")
		if !named {
			protocol = "tcp"
		}
		canonical[nat.Port(numbers+"/"+strings.ToLower(protocol))] = value
	}
	if len(canonical) < len(ports) {
		return ports
	}
	return canonical
}
