//! The operations that programs perform with bollard. Usage: `bollard-operations NAME REGISTRY`.

use std::error::Error;
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::*;
use bollard::query_parameters::*;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::AsyncWriteExt;

type Outcome = Result<(), Box<dyn Error>>;

/// The client, the prefix of every name, and the registry.
struct Client {
    docker: Docker,
    name: String,
    registry: String,
}

fn words(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|word| (*word).to_owned()).collect())
}

fn quiet() -> Option<HostConfig> {
    Some(HostConfig { network_mode: Some("none".into()), init: Some(true), ..Default::default() })
}

/// A tar with this file.
fn archive(name: &str, content: &[u8]) -> Bytes {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, content).unwrap();
    tar.into_inner().unwrap().into()
}

fn expect(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(what.into()) }
}

impl Client {
    async fn make(&self, name: &str, body: ContainerCreateBody) -> Result<String, Box<dyn Error>> {
        let options = CreateContainerOptionsBuilder::default().name(&self.called(name)).build();
        let body = ContainerCreateBody { image: Some("fedora".into()), ..body };
        Ok(self.docker.create_container(Some(options), body).await?.id)
    }

    async fn sleeper(&self, name: &str) -> Result<String, Box<dyn Error>> {
        let id = self.make(name, body(&["sleep", "100"])).await?;
        self.docker.start_container(&id, None::<StartContainerOptions>).await?;
        Ok(id)
    }

    async fn remove(&self, id: &str) -> Outcome {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        Ok(self.docker.remove_container(id, Some(options)).await?)
    }

    async fn remove_image(&self, name: &str) -> Outcome {
        self.docker.remove_image(name, None::<RemoveImageOptions>, None).await?;
        Ok(())
    }

    async fn tag(&self, repo: &str) -> Outcome {
        let options = TagImageOptionsBuilder::default().repo(repo).tag("1").build();
        Ok(self.docker.tag_image("fedora", Some(options)).await?)
    }

    fn called(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }
}

fn body(command: &[&str]) -> ContainerCreateBody {
    ContainerCreateBody { cmd: words(command), host_config: quiet(), ..Default::default() }
}

async fn info(client: &Client) -> Outcome {
    client.docker.ping().await?;
    client.docker.version().await?;
    client.docker.info().await?;
    client.docker.df(None::<DataUsageOptions>).await?;
    Ok(())
}

async fn life(client: &Client) -> Outcome {
    let (docker, id) = (&client.docker, client.sleeper("life").await?);
    docker.pause_container(&id).await?;
    docker.unpause_container(&id).await?;
    let to = RenameContainerOptionsBuilder::default().name(&client.called("renamed")).build();
    docker.rename_container(&id, to).await?;
    let memory = Some(120_000_000);
    let update = ContainerUpdateBody { memory, memory_swap: memory, ..Default::default() };
    docker.update_container(&id, update).await?;
    let now = RestartContainerOptionsBuilder::default().t(0).build();
    docker.restart_container(&id, Some(now)).await?;
    docker.kill_container(&id, None::<KillContainerOptions>).await?;
    let _: Vec<_> = docker.wait_container(&id, None::<WaitContainerOptions>).collect().await;
    client.remove(&id).await
}

async fn inspect(client: &Client) -> Outcome {
    let id = client.make("inspect", body(&["true"])).await?;
    client.docker.inspect_container(&id, None::<InspectContainerOptions>).await?;
    let filters = [("name".to_owned(), vec![client.called("inspect")])].into();
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let found = client.docker.list_containers(Some(options)).await?;
    client.docker.image_history("fedora").await?;
    client.remove(&id).await?;
    expect(found.len() == 1, "the list does not have the container")
}

async fn logs(client: &Client) -> Outcome {
    let id = client.make("logs", body(&["echo", "one"])).await?;
    client.docker.start_container(&id, None::<StartContainerOptions>).await?;
    let options = LogsOptionsBuilder::default().follow(true).stdout(true).build();
    let logs: Vec<LogOutput> = client.docker.logs(&id, Some(options)).try_collect().await?;
    client.remove(&id).await?;
    expect(logs.iter().map(ToString::to_string).collect::<String>() == "one\n", "logs")
}

async fn attach(client: &Client) -> Outcome {
    let open = ContainerCreateBody {
        open_stdin: Some(true),
        stdin_once: Some(true),
        ..body(&["cat"])
    };
    let id = client.make("attach", open).await?;
    let options = AttachContainerOptionsBuilder::default();
    let options = options.stdin(true).stdout(true).stream(true).build();
    let mut attached = client.docker.attach_container(&id, Some(options)).await?;
    client.docker.start_container(&id, None::<StartContainerOptions>).await?;
    attached.input.write_all(b"typed").await?;
    attached.input.shutdown().await?;
    let said = attached.output.next().await.ok_or("nothing")??.to_string();
    client.remove(&id).await?;
    expect(said == "typed", &said)
}

async fn exec(client: &Client) -> Outcome {
    let id = client.sleeper("exec").await?;
    let config = ExecConfig {
        attach_stdout: Some(true),
        cmd: words(&["echo", "out"]),
        ..Default::default()
    };
    let exec = client.docker.create_exec(&id, config).await?.id;
    let StartExecResults::Attached { output, .. } = client.docker.start_exec(&exec, None).await?
    else {
        return Err("not attached".into());
    };
    let said: Vec<LogOutput> = output.try_collect().await?;
    client.docker.inspect_exec(&exec).await?;
    client.remove(&id).await?;
    expect(said.iter().map(ToString::to_string).collect::<String>() == "out\n", "output")
}

async fn copy(client: &Client) -> Outcome {
    let id = client.make("copy", body(&["true"])).await?;
    let options = UploadToContainerOptionsBuilder::default().path("/tmp").build();
    let tar = bollard::body_full(archive("file", b"content"));
    client.docker.upload_to_container(&id, Some(options), tar).await?;
    let options = DownloadFromContainerOptionsBuilder::default().path("/tmp/file").build();
    let back = client.docker.download_from_container(&id, Some(options));
    let back: Vec<Bytes> = back.try_collect().await?;
    client.remove(&id).await?;
    expect(back.concat().windows(7).any(|part| part == b"content"), "the file is not there")
}

async fn top(client: &Client) -> Outcome {
    let id = client.sleeper("top").await?;
    client.docker.top_processes(&id, None::<TopOptions>).await?;
    let options = StatsOptionsBuilder::default().stream(false).build();
    let _: Vec<_> = client.docker.stats(&id, Some(options)).try_collect().await?;
    client.remove(&id).await
}

async fn events(client: &Client) -> Outcome {
    let options = EventsOptionsBuilder::default().since("1").until("2").build();
    let _: Vec<_> = client.docker.events(Some(options)).try_collect().await?;
    Ok(())
}

async fn export(client: &Client) -> Outcome {
    let id = client.make("export", body(&["true"])).await?;
    let _: Vec<Bytes> = client.docker.export_container(&id).try_collect().await?;
    client.remove(&id).await
}

async fn commit(client: &Client) -> Outcome {
    let id = client.make("commit", body(&["true"])).await?;
    let name = client.called("committed");
    let options = CommitContainerOptionsBuilder::default().container(&id).repo(&name).build();
    let done = client.docker.commit_container(options, ContainerConfig::default()).await;
    client.remove(&id).await?;
    done?;
    client.remove_image(&name).await
}

async fn build(client: &Client) -> Outcome {
    let name = client.called("built");
    let options = BuildImageOptionsBuilder::default().t(&name).rm(true).build();
    let tar = archive("Dockerfile", format!("FROM fedora\nLABEL name={name}\nRUN echo x >/made\n").as_bytes());
    let tar = Some(bollard::body_full(tar));
    let _: Vec<_> = client.docker.build_image(options, None, tar).try_collect().await?;
    client.remove_image(&name).await
}

async fn tag(client: &Client) -> Outcome {
    client.tag(&client.called("tagged")).await?;
    client.remove_image(&format!("{}:1", client.called("tagged"))).await
}

async fn save(client: &Client) -> Outcome {
    let name = format!("{}:1", client.called("saved"));
    client.tag(&client.called("saved")).await?;
    let saved: Vec<Bytes> = client.docker.export_image(&name).try_collect().await?;
    client.remove_image(&name).await?;
    let options = ImportImageOptionsBuilder::default().build();
    let body = bollard::body_full(saved.concat().into());
    let _: Vec<_> = client.docker.import_image(options, body, None).try_collect().await?;
    client.remove_image(&name).await
}

async fn pull(client: &Client) -> Outcome {
    let image = format!("{}/word", client.registry);
    let options = CreateImageOptionsBuilder::default().from_image(&image).tag("1").build();
    let _: Vec<_> = client.docker.create_image(Some(options), None, None).try_collect().await?;
    client.remove_image(&format!("{image}:1")).await
}

async fn push(client: &Client) -> Outcome {
    let image = format!("{}/{}", client.registry, client.name);
    client.tag(&image).await?;
    let options = PushImageOptionsBuilder::default().tag("1").build();
    let pushed: Result<Vec<_>, _> =
        client.docker.push_image(&image, Some(options), None).try_collect().await;
    client.remove_image(&format!("{image}:1")).await?;
    pushed?;
    Ok(())
}

async fn volumes(client: &Client) -> Outcome {
    let request = VolumeCreateRequest { name: Some(client.name.clone()), ..Default::default() };
    client.docker.create_volume(request).await?;
    client.docker.inspect_volume(&client.name).await?;
    client.docker.list_volumes(None::<ListVolumesOptions>).await?;
    Ok(client.docker.remove_volume(&client.name, None::<RemoveVolumeOptions>).await?)
}

async fn networks(client: &Client) -> Outcome {
    let request = NetworkCreateRequest { name: client.name.clone(), ..Default::default() };
    client.docker.create_network(request).await?;
    client.docker.inspect_network(&client.name, None::<InspectNetworkOptions>).await?;
    client.docker.list_networks(None::<ListNetworksOptions>).await?;
    Ok(client.docker.remove_network(&client.name).await?)
}

async fn bind(client: &Client) -> Outcome {
    let host = HostConfig { binds: words(&["/etc:/here:ro"]), ..Default::default() };
    let body = ContainerCreateBody { host_config: Some(host), ..body(&["true"]) };
    let id = client.make("bind", body).await?;
    client.remove(&id).await
}

/// Prints how the operation ended.
fn tell(operation: &str, ended: Result<Outcome, tokio::time::error::Elapsed>) {
    match ended {
        Ok(Ok(())) => println!("ok {operation}"),
        Ok(Err(error)) => {
            let said = error.to_string();
            println!("failed {operation}: {}", said.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        Err(_) => println!("failed {operation}: timeout"),
    }
}

macro_rules! attempt {
    ($client:expr, $($operation:literal => $function:ident,)*) => {
        $(tell($operation, tokio::time::timeout(Duration::from_secs(60), $function($client)).await);)*
    };
}

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("NAME is missing")?;
    let registry = arguments.next().ok_or("REGISTRY is missing")?;
    let docker = Docker::connect_with_defaults()?.negotiate_version().await?;
    let client = &Client { docker, name, registry };
    println!("version 0.21.1");
    attempt!(client,
        "ping, version, info, df" => info,
        "life of a container" => life,
        "list and inspect" => inspect,
        "logs" => logs,
        "attach" => attach,
        "exec" => exec,
        "upload and download" => copy,
        "top and stats" => top,
        "events" => events,
        "export" => export,
        "commit" => commit,
        "build" => build,
        "tag and remove an image" => tag,
        "save and load" => save,
        "pull" => pull,
        "push" => push,
        "volumes" => volumes,
        "networks" => networks,
        "bind mount" => bind,
    );
    Ok(())
}
