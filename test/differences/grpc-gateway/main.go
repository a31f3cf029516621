// grpc-gateway in front of one backend, set to the forms that Protogate has by default: unset fields are not printed, unknown members are
// refused, escaped slashes stay escaped. Everything else is grpc-gateway's own default.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"

	"differences/pb"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
)

type register = func(context.Context, *runtime.ServeMux, string, []grpc.DialOption) error

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to serve")
	backend := flag.String("backend", "", "address of the gRPC server")
	flag.Parse()

	mux := runtime.NewServeMux(
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash),
		runtime.WithIncomingHeaderMatcher(func(key string) (string, bool) {
			if key == "X-Pair" { // tells the backend which request it is that it gets
				return "x-pair", true
			}
			return runtime.DefaultHeaderMatcher(key)
		}),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{Marshaler: &runtime.JSONPb{
			MarshalOptions:   protojson.MarshalOptions{EmitUnpopulated: false},
			UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false},
		}}),
	)
	plaintext := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	for _, one := range []register{
		pb.RegisterLiteralsHandlerFromEndpoint, pb.RegisterDoubleStarsHandlerFromEndpoint, pb.RegisterVerbsHandlerFromEndpoint,
		pb.RegisterPercentHandlerFromEndpoint, pb.RegisterPathTypesHandlerFromEndpoint, pb.RegisterPathMessagesHandlerFromEndpoint,
		pb.RegisterQueryHandlerFromEndpoint, pb.RegisterBodiesHandlerFromEndpoint, pb.RegisterResponseBodiesHandlerFromEndpoint,
		pb.RegisterJsonHandlerFromEndpoint, pb.RegisterPatchesHandlerFromEndpoint, pb.RegisterErrorsHandlerFromEndpoint,
		pb.RegisterMethodsHandlerFromEndpoint, pb.RegisterContentTypesHandlerFromEndpoint, pb.RegisterStreamsHandlerFromEndpoint,
		pb.RegisterHttpBodiesHandlerFromEndpoint,
	} {
		if err := one(context.Background(), mux, *backend, plaintext); err != nil {
			log.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, mux))
}
