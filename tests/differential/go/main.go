// Shows how dockerd reads two bodies: the one that a client sent, and the one that the broker
// forwards for it.
//
// With the argument `samples` it prints, for each kind, a body with every key that dockerd reads.
// Otherwise stdin has triples of a kind, the original and the forwarded body, each after its length as four
// big-endian bytes. Each triple gets one line: `same`, `refused` if dockerd accepts neither body,
// or `differ` with dockerd's view of each.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/runconfig"
)

// The structs into which dockerd decodes a body of each kind, and the keys of other releases.
var views = map[string][]interface{}{
	"Auth":              {types.AuthConfig{}},
	"ContainerCreate":   {runconfig.ContainerConfigWrapper{}, otherContainer{}},
	"ContainerUpdate":   {container.UpdateConfig{}, otherResources{}},
	"Commit":            {container.Config{}, otherConfig{}},
	"ExecCreate":        {types.ExecConfig{}, otherExec{}},
	"ExecStart":         {types.ExecStartCheck{}, otherExec{}},
	"VolumeCreate":      {volume.VolumeCreateBody{}, otherVolumeCreate{}},
	"VolumeUpdate":      {volumeUpdate{}},
	"NetworkCreate":     {types.NetworkCreateRequest{}, otherNetworkCreate{}},
	"NetworkConnect":    {types.NetworkConnect{}, otherNetworkConnect{}},
	"NetworkDisconnect": {types.NetworkDisconnect{}},
	"PluginPrivileges":  {types.PluginPrivileges{}},
	"PluginSet":         {[]string{}},
	"SwarmInit":         {swarm.InitRequest{}},
	"SwarmJoin":         {swarm.JoinRequest{}},
	"SwarmUpdate":       {swarm.Spec{}},
	"SwarmUnlock":       {swarm.UnlockRequest{}},
	"NodeUpdate":        {swarm.NodeSpec{}},
	"Service":           {swarm.ServiceSpec{}, otherService{}},
	"Secret":            {swarm.SecretSpec{}},
	"Config":            {swarm.ConfigSpec{}},
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "samples" {
		samples()
		return
	}
	if err := answer(bufio.NewReader(os.Stdin), os.Stdout); err != io.EOF {
		fmt.Fprintln(os.Stderr, "differential:", err)
		os.Exit(1)
	}
}

// Answers triples until the input ends with io.EOF.
func answer(requests io.Reader, answers io.Writer) error {
	for {
		kind, err := chunk(requests)
		if err != nil {
			return err
		}
		views, known := views[string(kind)]
		if !known {
			return fmt.Errorf("there is no kind %q", kind)
		}
		original, err := chunk(requests)
		if err != nil {
			return fmt.Errorf("no original: %v", err)
		}
		forwarded, err := chunk(requests)
		if err != nil {
			return fmt.Errorf("no forwarded body: %v", err)
		}
		if _, err := fmt.Fprintln(answers, compare(views, original, forwarded)); err != nil {
			return err
		}
	}
}

func chunk(requests io.Reader) ([]byte, error) {
	var length uint32
	if err := binary.Read(requests, binary.BigEndian, &length); err != nil {
		return nil, err
	}
	bytes := make([]byte, length)
	_, err := io.ReadFull(requests, bytes)
	return bytes, err
}

func compare(views []interface{}, original, forwarded []byte) string {
	was, wasRefused := understand(views, original)
	is, isRefused := understand(views, forwarded)
	switch {
	case wasRefused != nil && isRefused != nil:
		return "refused"
	case wasRefused == nil && isRefused == nil && reflect.DeepEqual(was, is):
		return "same"
	default:
		return fmt.Sprintf("differ: %s | %s", show(was, wasRefused), show(is, isRefused))
	}
}

// Decodes a body into each of the structs. json.Unmarshal accepts one document, where the decoder
// of older daemons leaves the rest unread. The broker must not forward such a rest to either.
func understand(views []interface{}, body []byte) ([]interface{}, error) {
	understood := make([]interface{}, len(views))
	for i, view := range views {
		understood[i] = reflect.New(reflect.TypeOf(view)).Interface()
		if err := json.Unmarshal(body, understood[i]); err != nil {
			return nil, err
		}
		normalise(understood[i])
	}
	return understood, nil
}

func show(understood []interface{}, refused error) string {
	if refused != nil {
		return fmt.Sprintf("refused: %q", refused.Error())
	}
	text, err := json.Marshal(understood)
	if err != nil {
		return fmt.Sprintf("cannot be shown: %q", err.Error())
	}
	return string(text)
}
