package netns

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// End is one end of a cable: an interface of a node. MAC is optional.
type End struct {
	Node *Node
	Name string
	MAC  string
}

// Connect lays a cable between two nodes and sets both ends up. The interfaces never are in another namespace.
func Connect(a, b End) error {
	args := "link add " + a.Name
	if a.MAC != "" {
		args += " address " + a.MAC
	}
	args += " type veth peer name " + b.Name
	if b.MAC != "" {
		args += " address " + b.MAC
	}
	args += " netns " + b.Node.NetFile()
	if err := a.Node.IP(args, "link set "+a.Name+" up"); err != nil {
		return err
	}
	return b.Node.IP("link set " + b.Name + " up")
}

// Switch makes a node with a bridge and connects the ends to it.
func Switch(name string, ends ...End) (*Node, error) {
	n, err := New(name)
	if err != nil {
		return nil, err
	}
	if err := n.IP("link add br0 type bridge mcast_snooping 0", "link set br0 up"); err != nil {
		n.Close()
		return nil, err
	}
	for i, e := range ends {
		port := fmt.Sprintf("port%d", i+1)
		if err := Connect(End{Node: n, Name: port}, e); err != nil {
			n.Close()
			return nil, err
		}
		if err := n.IP("link set " + port + " master br0"); err != nil {
			n.Close()
			return nil, err
		}
	}
	return n, nil
}

// Poll calls check until it returns nil, or until ctx ends; the error then is the last of check.
func Poll(ctx context.Context, check func() error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// Eventually polls check for as long as within.
func Eventually(within time.Duration, check func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return Poll(ctx, check)
}

// Expect returns a check for Poll: that the command's output in the node contains each of the texts.
func (n *Node) Expect(command string, texts ...string) func() error {
	words := strings.Fields(command)
	return func() error {
		out, err := n.Run(words[0], words[1:]...)
		if err != nil {
			return err
		}
		for _, text := range texts {
			if !strings.Contains(out, text) {
				return fmt.Errorf("%s: %s does not show %q:\n%s", n.Name, command, text, out)
			}
		}
		return nil
	}
}

// LinkIndex returns the index of an interface in the namespace of the calling thread.
func LinkIndex(name string) (int, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, fmt.Errorf("interface %s: %w", name, err)
	}
	return i.Index, nil
}
