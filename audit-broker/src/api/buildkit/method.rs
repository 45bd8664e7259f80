//! The gRPC methods that the broker knows.
//!
//! # Source
//! The services that `newController` in `builder-next/controller.go` of moby registers, and what docker,
//! compose and buildx call.

/// Whose build a method reaches, and where the request says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BuildSource {
    /// The method reaches no build.
    None,
    /// A field of the message.
    Message,
    /// The metadata `buildkit-controlapi-buildid`.
    Metadata,
}

/// The metadata that names the build of a call to `LLBBridge`.
pub(crate) const BUILD_ID_METADATA: &str = "buildkit-controlapi-buildid";

/// Defines the methods: `Name "path" build source`.
macro_rules! methods {
    ($( $name:ident $path:literal $source:ident, )+) => {
        /// A method that the broker may forward.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum GrpcMethod { $($name,)+ }

        impl GrpcMethod {
            /// All methods.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The path of HTTP/2's `:path`, to the byte.
            pub(crate) const fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)+ }
            }

            /// Whose build the method reaches.
            pub(crate) const fn build_source(self) -> BuildSource {
                match self { $(Self::$name => BuildSource::$source,)+ }
            }
        }
    };
}

methods! {
    ControlListWorkers "/moby.buildkit.v1.Control/ListWorkers" None,
    ControlInfo "/moby.buildkit.v1.Control/Info" None,
    ControlStatus "/moby.buildkit.v1.Control/Status" Message,
    ControlSolve "/moby.buildkit.v1.Control/Solve" Message,
    ControlListenBuildHistory "/moby.buildkit.v1.Control/ListenBuildHistory" Message,
    ControlUpdateBuildHistory "/moby.buildkit.v1.Control/UpdateBuildHistory" Message,
    ControlDiskUsage "/moby.buildkit.v1.Control/DiskUsage" None,
    ControlPrune "/moby.buildkit.v1.Control/Prune" None,
    ControlSession "/moby.buildkit.v1.Control/Session" None,
    BridgePing "/moby.buildkit.v1.frontend.LLBBridge/Ping" Metadata,
    BridgeSolve "/moby.buildkit.v1.frontend.LLBBridge/Solve" Metadata,
    BridgeReturn "/moby.buildkit.v1.frontend.LLBBridge/Return" Metadata,
    BridgeReadFile "/moby.buildkit.v1.frontend.LLBBridge/ReadFile" Metadata,
    BridgeReadDir "/moby.buildkit.v1.frontend.LLBBridge/ReadDir" Metadata,
    BridgeStatFile "/moby.buildkit.v1.frontend.LLBBridge/StatFile" Metadata,
    BridgeResolveImageConfig "/moby.buildkit.v1.frontend.LLBBridge/ResolveImageConfig" Metadata,
    BridgeResolveSourceMeta "/moby.buildkit.v1.frontend.LLBBridge/ResolveSourceMeta" Metadata,
    BridgeEvaluate "/moby.buildkit.v1.frontend.LLBBridge/Evaluate" Metadata,
    BridgeInputs "/moby.buildkit.v1.frontend.LLBBridge/Inputs" Metadata,
    BridgeNewContainer "/moby.buildkit.v1.frontend.LLBBridge/NewContainer" Metadata,
    BridgeReleaseContainer "/moby.buildkit.v1.frontend.LLBBridge/ReleaseContainer" Metadata,
    BridgeExecProcess "/moby.buildkit.v1.frontend.LLBBridge/ExecProcess" Metadata,
    BridgeWarn "/moby.buildkit.v1.frontend.LLBBridge/Warn" Metadata,
    TraceExport "/opentelemetry.proto.collector.trace.v1.TraceService/Export" None,
    ContentInfo "/containerd.services.content.v1.Content/Info" None,
    ContentRead "/containerd.services.content.v1.Content/Read" None,
}

impl GrpcMethod {
    /// The method of a path; `None` if the broker does not know it.
    pub(crate) fn from_path(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.path() == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_names_one_method() {
        for method in GrpcMethod::ALL {
            assert_eq!(GrpcMethod::from_path(method.path()), Some(*method));
        }
    }

    #[test]
    fn a_path_that_is_not_written_exactly_so_names_no_method() {
        for path in [
            "",
            "/",
            "/moby.buildkit.v1.Control/solve",
            "/moby.buildkit.v1.Control/Solve/",
            "//moby.buildkit.v1.Control/Solve",
            "moby.buildkit.v1.Control/Solve",
            "/moby.buildkit.v1.Control/Solve?x",
            "/containerd.services.content.v1.Content/List",
            "/containerd.services.content.v1.Content/Write",
            "/containerd.services.content.v1.Content/Delete",
        ] {
            assert_eq!(GrpcMethod::from_path(path), None, "{path}");
        }
    }

    #[test]
    fn each_call_to_the_bridge_names_its_build_in_its_metadata() {
        for method in GrpcMethod::ALL {
            let is_bridge = method.path().contains("LLBBridge");
            assert_eq!(method.build_source() == BuildSource::Metadata, is_bridge, "{method:?}");
        }
    }
}
