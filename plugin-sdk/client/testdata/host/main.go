// Command host launches the plugin given as its argument, in the mode given as its second, and waits to be killed.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/outboard-connect/outboard/plugin-sdk/client"
)

func main() {
	p, err := client.Launch(context.Background(), client.Settings{Path: os.Args[1], Env: os.Args[2:], Dir: os.Getenv("TMPDIR")})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(p.PID())
	<-p.Exited()
}
