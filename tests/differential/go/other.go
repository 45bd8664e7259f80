package main

// Keys of the API that docker 20.10, whose structs this uses, does not read: later releases added
// them, or earlier ones had them. Bodies are also decoded into these structs.

type otherConfig struct {
	Healthcheck *otherHealth
}

type otherContainer struct {
	otherConfig
	HostConfig *otherHost
	otherHost
	NetworkingConfig *struct {
		EndpointsConfig map[string]*otherEndpoint
	}
}

type otherHost struct {
	otherResources
	Annotations  map[string]string
	Capabilities []string
	Mounts       []otherMount
}

type otherResources struct {
	DiskQuota int64
	Init      *bool
}

type otherHealth struct {
	StartInterval int64
}

type otherMount struct {
	BindOptions *struct {
		CreateMountpoint       bool
		ReadOnlyNonRecursive   bool
		ReadOnlyForceRecursive bool
	}
	VolumeOptions *struct {
		Subpath string
	}
	ImageOptions *struct {
		Subpath string
	}
	TmpfsOptions *struct {
		Options [][]string
	}
	ClusterOptions *struct{}
}

type otherExec struct {
	ConsoleSize *[2]uint
}

type otherVolumeCreate struct {
	ClusterVolumeSpec *clusterVolume
}

type volumeUpdate struct {
	Spec *clusterVolume
}

type clusterVolume struct {
	Group      string
	AccessMode *struct {
		Scope       string
		Sharing     string
		MountVolume *struct {
			FsType     string
			MountFlags []string
		}
		BlockVolume *struct{}
	}
	AccessibilityRequirements *struct {
		Requisite []topology
		Preferred []topology
	}
	CapacityRange *struct {
		RequiredBytes int64
		LimitBytes    int64
	}
	Secrets []struct {
		Key    string
		Secret string
	}
	Availability string
}

type topology struct {
	Segments map[string]string
}

type otherNetworkCreate struct {
	EnableIPv4 *bool
	EnableIPv6 *bool
}

type otherNetworkConnect struct {
	EndpointConfig *otherEndpoint
}

type otherEndpoint struct {
	GwPriority int
	DNSNames   []string
}

type otherService struct {
	TaskTemplate struct {
		ContainerSpec *struct {
			Healthcheck *otherHealth
			Mounts      []otherMount
			OomScoreAdj int64
			Privileges  *struct {
				Seccomp *struct {
					Mode string
					// In base64, like the Data of secrets. Random texts are not valid base64.
					Profile string
				}
				AppArmor *struct {
					Mode string
				}
				NoNewPrivileges bool
			}
		}
		Resources *struct {
			SwapBytes        *int64
			MemorySwappiness *int64
		}
	}
}
