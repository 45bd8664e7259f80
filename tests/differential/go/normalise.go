package main

import (
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
	case *container.Config:
		body.ExposedPorts = canonical(body.ExposedPorts)
	case *otherContainer:
		normaliseOther(body)
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
	wrapper.ExposedPorts = canonical(wrapper.ExposedPorts)
	takeHostKeys(wrapper)
	wrapper.InnerHostConfig.PortBindings = canonical(wrapper.InnerHostConfig.PortBindings)
}

// Moves the keys of the host at the top of a body to where dockerd uses them. This is what
// getHostConfig in runconfig/config_unix.go does, except that no HostConfig is an empty one: dockerd
// creates the same container from both.
func takeHostKeys(wrapper *runconfig.ContainerConfigWrapper) {
	top, inner := wrapper.HostConfig, wrapper.InnerHostConfig
	switch {
	case top == nil && inner == nil:
		inner = &container.HostConfig{}
	case inner == nil:
		inner = top
	case top != nil:
		if inner.Memory == 0 {
			inner.Memory = top.Memory
		}
		if inner.MemorySwap == 0 {
			inner.MemorySwap = top.MemorySwap
		}
		if inner.CPUShares == 0 {
			inner.CPUShares = top.CPUShares
		}
		if inner.CpusetCpus == "" {
			inner.CpusetCpus = top.CpusetCpus
		}
		if inner.VolumeDriver == "" {
			inner.VolumeDriver = top.VolumeDriver
		}
	}
	if inner.CpusetCpus == "" {
		inner.CpusetCpus = wrapper.Cpuset
	}
	wrapper.InnerHostConfig, wrapper.HostConfig, wrapper.Cpuset = inner, nil, ""
}

// The same for the keys of later releases, which 20.10 does not read.
func normaliseOther(other *otherContainer) {
	if other.HostConfig == nil {
		top := other.otherHost
		other.HostConfig = &top
	}
	other.otherHost = otherHost{}
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
