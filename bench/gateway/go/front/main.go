// front is a grpc-gateway as its documentation sets one up: every option at its default.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"

	"bench/pb"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	address := flag.String("listen", "", "address for HTTP")
	backend := flag.String("backend", "", "address of the gRPC backend")
	flag.Parse()

	mux := runtime.NewServeMux()
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if err := pb.RegisterCatalogHandlerFromEndpoint(context.Background(), mux, *backend, options); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*address, mux))
}
