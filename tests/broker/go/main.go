// A client that talks to the socket as docker's own Go clients do, with only Go's standard library:
// hijacked streams with half-close, chunked uploads, and parallel calls from one connection pool.
//
// Run it as `client SOCKET NAME`. The names of everything that it creates start with NAME.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const version = "/v1.41"

var socket, name = os.Args[1], os.Args[2]

var client = &http.Client{Transport: &http.Transport{
	DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	},
	MaxIdleConns:        6,
	MaxIdleConnsPerHost: 6,
	IdleConnTimeout:     30 * time.Second,
}}

func main() {
	probe()
	id := create(name+"-go", []string{"sh", "-c", "busybox md5sum; sleep 1; echo last"})
	attach(id)
	remove(id)
	id = create(name+"-exec", []string{"sleep", "100"})
	must(call("POST", "/containers/"+id+"/start", nil, 204))
	exec(id)
	upload(id)
	pool(id)
	cancel(id)
	remove(id)
	fullDuplex()
}

func fail(format string, words ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", words...)
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func must(body []byte, err error) []byte {
	check(err)
	return body
}

func request(method, path string, body io.Reader) *http.Request {
	r, err := http.NewRequest(method, "http://api.moby.localhost"+version+path, body)
	check(err)
	r.Header.Set("User-Agent", "Docker-Client/28.2.2 (linux)")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// Makes a call and returns the response's body. Fails if the status differs.
func call(method, path string, body any, want int) ([]byte, error) {
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		check(err)
		reader = bytes.NewReader(encoded)
	}
	answer, err := client.Do(request(method, path, reader))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != want {
		err = fmt.Errorf("%s %s: %s %s", method, path, answer.Status, content)
	}
	return content, err
}

func probe() {
	answer, err := client.Head("http://api.moby.localhost/_ping")
	check(err)
	for _, header := range []string{"Api-Version", "Ostype", "Docker-Experimental", "Server"} {
		if answer.Header.Get(header) == "" {
			fail("the answer to a ping has no %s", header)
		}
	}
}

func create(name string, command []string) string {
	body := map[string]any{
		"Image": "fedora", "Cmd": command, "OpenStdin": true, "StdinOnce": true,
		"AttachStdin": true, "AttachStdout": true, "AttachStderr": true,
		"HostConfig": map[string]any{"NetworkMode": "none", "Init": true},
	}
	var made struct{ Id string }
	check(json.Unmarshal(must(call("POST", "/containers/create?name="+name, body, 201)), &made))
	return made.Id
}

func remove(id string) {
	must(call("DELETE", "/containers/"+id+"?force=1&v=1", nil, 204))
}

// Opens a connection that becomes a raw stream, as docker's clients do.
func hijack(path string, body any) (*net.UnixConn, *bufio.Reader) {
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		check(err)
		reader = bytes.NewReader(encoded)
	}
	r := request("POST", path, reader)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "tcp")
	conn, err := net.Dial("unix", socket)
	check(err)
	check(r.Write(conn))
	buffered := bufio.NewReader(conn)
	answer, err := http.ReadResponse(buffered, r)
	check(err)
	if answer.StatusCode != http.StatusSwitchingProtocols {
		fail("%s: %s, and not 101", path, answer.Status)
	}
	return conn.(*net.UnixConn), buffered
}

func attach(id string) {
	conn, reader := hijack("/containers/"+id+"/attach?stdin=1&stdout=1&stderr=1&stream=1", nil)
	waited := make(chan []byte, 1)
	headed := make(chan bool, 1)
	go func() {
		// The head of the response comes at once, and the body at the end.
		answer, err := client.Do(request("POST", "/containers/"+id+"/wait?condition=next-exit", nil))
		check(err)
		headed <- true
		body, err := io.ReadAll(answer.Body)
		check(err)
		waited <- body
	}()
	<-headed
	must(call("POST", "/containers/"+id+"/start", nil, 204))
	_, err := io.Copy(conn, io.LimitReader(rand.Reader, 2_000_000))
	check(err)
	check(conn.CloseWrite())
	back, err := io.ReadAll(reader)
	check(err)
	if !bytes.HasSuffix(back, []byte("last\n")) || !bytes.Contains(back, []byte("  -\n")) {
		fail("attach gave %q", back)
	}
	if !strings.Contains(string(<-waited), `"StatusCode":0`) {
		fail("wait gave another exit code")
	}
}

func exec(id string) {
	body := map[string]any{"AttachStdin": true, "AttachStdout": true, "Cmd": []string{"cat"}}
	var made struct{ Id string }
	check(json.Unmarshal(must(call("POST", "/containers/"+id+"/exec", body, 201)), &made))
	conn, reader := hijack("/exec/"+made.Id+"/start", map[string]any{"Detach": false, "Tty": false})
	sent := make([]byte, 3_000_000)
	_, err := rand.Read(sent)
	check(err)
	go func() {
		_, err := conn.Write(sent)
		check(err)
		check(conn.CloseWrite())
	}()
	var back []byte
	for {
		head := make([]byte, 8)
		if _, err := io.ReadFull(reader, head); err == io.EOF {
			break
		} else {
			check(err)
		}
		part := make([]byte, int(head[4])<<24|int(head[5])<<16|int(head[6])<<8|int(head[7]))
		_, err := io.ReadFull(reader, part)
		check(err)
		back = append(back, part...)
	}
	if !bytes.Equal(back, sent) {
		fail("exec gave %d bytes for %d", len(back), len(sent))
	}
	shown := must(call("GET", "/exec/"+made.Id+"/json", nil, 200))
	if !bytes.Contains(shown, []byte(`"ExitCode":0`)) {
		fail("exec ended as %s", shown)
	}
}

func archive(file string, content []byte) []byte {
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	check(writer.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: int64(len(content))}))
	_, err := writer.Write(content)
	check(err)
	check(writer.Close())
	return archive.Bytes()
}

// An upload of unknown length is sent in chunks, and comes back unchanged.
func upload(id string) {
	content := make([]byte, 8_000_000)
	_, err := rand.Read(content)
	check(err)
	body := io.MultiReader(bytes.NewReader(archive("file", content)))
	r := request("PUT", "/containers/"+id+"/archive?noOverwriteDirNonDir=true&path=%2Ftmp", body)
	answer, err := client.Do(r)
	check(err)
	answer.Body.Close()
	if answer.StatusCode != 200 || r.ContentLength > 0 {
		fail("upload: %s", answer.Status)
	}
	answer, err = client.Do(request("GET", "/containers/"+id+"/archive?path=%2Ftmp%2Ffile", nil))
	check(err)
	defer answer.Body.Close()
	if answer.Header.Get("X-Docker-Container-Path-Stat") == "" {
		fail("the answer has no stat of the path")
	}
	reader := tar.NewReader(answer.Body)
	_, err = reader.Next()
	check(err)
	back, err := io.ReadAll(reader)
	check(err)
	if !bytes.Equal(back, content) {
		fail("the file came back as another")
	}
}

// Makes many calls at once, on reused connections.
func pool(id string) {
	var reused atomic.Int32
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if info.Reused {
			reused.Add(1)
		}
	}}
	var group sync.WaitGroup
	for worker := 0; worker < 6; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := 0; i < 50; i++ {
				r := request("GET", "/containers/"+id+"/json", nil)
				r = r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
				answer, err := client.Do(r)
				check(err)
				body, err := io.ReadAll(answer.Body)
				check(err)
				answer.Body.Close()
				if !bytes.Contains(body, []byte(id)) {
					fail("the answer is to another question: %s", body)
				}
			}
		}()
	}
	group.Wait()
	if reused.Load() < 250 {
		fail("connections are not kept: %d of 300 calls used one again", reused.Load())
	}
}

// A stream that its reader abandons must not delay the next calls.
func cancel(id string) {
	ctx, giveUp := context.WithCancel(context.Background())
	filters := url.QueryEscape(`{"container":{"` + id + `":true}}`)
	answer, err := client.Do(request("GET", "/events?filters="+filters, nil).WithContext(ctx))
	check(err)
	giveUp()
	if _, err := io.ReadAll(answer.Body); err == nil {
		fail("events ended by themselves")
	}
	must(call("GET", "/containers/"+id+"/json", nil, 200))
	answer, err = client.Do(request("GET", "/containers/none/logs?stdout=1", nil))
	check(err)
	defer answer.Body.Close()
	var told struct{ Message string }
	check(json.NewDecoder(answer.Body).Decode(&told))
	if answer.StatusCode != 404 || !strings.Contains(told.Message, "none") {
		fail("an unknown container: %s %s", answer.Status, told.Message)
	}
}

// dockerd answers a build while the client is still sending it.
func fullDuplex() {
	context := archive("Dockerfile", []byte("FROM scratch\nLABEL "+name+"=x\n"))
	reader, writer := io.Pipe()
	go func() {
		for len(context) > 0 {
			n, err := writer.Write(context[:min(700, len(context))])
			check(err)
			context = context[n:]
			time.Sleep(100 * time.Millisecond)
		}
		writer.Close()
	}()
	r := request("POST", "/build?t="+name+"go&rm=1&labels=%7B%7D", reader)
	r.Header.Set("Content-Type", "application/x-tar")
	answer, err := client.Do(r)
	check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(err)
	if !bytes.Contains(body, []byte("Successfully tagged")) {
		fail("build: %s %s", answer.Status, body)
	}
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}
