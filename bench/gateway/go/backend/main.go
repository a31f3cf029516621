// backend answers gRPC and plain HTTP behind every contender.
//
// It shares a core with the load generator, so it does as little as a server can: messages stay bytes. An echo puts the
// request's bytes into a field of the answer, a list is encoded once at start, a stream changes two numbers of one message.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"math"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"bench/pb"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

func main() {
	grpcAddress := flag.String("grpc", "", "address for gRPC without TLS")
	httpAddress := flag.String("http", "", "address for plain HTTP")
	flag.Parse()

	go func() { log.Fatal(http.ListenAndServe(*httpAddress, http.HandlerFunc(serveText))) }()
	listener, err := net.Listen("tcp", *grpcAddress)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(
		grpc.ForceServerCodecV2(asBytes{}),
		grpc.MaxConcurrentStreams(math.MaxUint32),
		grpc.InitialWindowSize(1<<20),
		grpc.InitialConnWindowSize(1<<22),
	)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bench.gateway.v1.Catalog",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			{MethodName: "Create", Handler: unary(receipt)},
			{MethodName: "Get", Handler: unary(receipt)},
			{MethodName: "List", Handler: unary(constant(bookList()))},
		},
		Streams: []grpc.StreamDesc{{StreamName: "Watch", Handler: watch, ServerStreams: true}},
	}, struct{}{})
	log.Fatal(server.Serve(listener))
}

// asBytes is a codec whose messages are their own encoding.
type asBytes struct{}

type encoded struct{ bytes []byte }

func (asBytes) Name() string { return "proto" }

func (asBytes) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(message.(*encoded).bytes)}, nil
}

func (asBytes) Unmarshal(data mem.BufferSlice, message any) error {
	message.(*encoded).bytes = data.Materialize()
	return nil
}

type unaryHandler = func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error)

func unary(answer func(request []byte) []byte) unaryHandler {
	return func(_ any, _ context.Context, receive func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var request encoded
		if err := receive(&request); err != nil {
			return nil, err
		}
		return &encoded{answer(request.bytes)}, nil
	}
}

var serial atomic.Uint64

// receipt is Receipt{item: the request, server: "backend", serial: a running number}.
func receipt(request []byte) []byte {
	out := make([]byte, 0, len(request)+32)
	out = protowire.AppendTag(out, 1, protowire.BytesType)
	out = protowire.AppendBytes(out, request)
	out = protowire.AppendTag(out, 2, protowire.BytesType)
	out = protowire.AppendString(out, "backend")
	out = protowire.AppendTag(out, 3, protowire.VarintType)
	return protowire.AppendVarint(out, serial.Add(1))
}

func constant(answer []byte) func([]byte) []byte {
	return func([]byte) []byte { return answer }
}

func bookList() []byte {
	reply := &pb.ListReply{NextPageToken: "bmV4dC1wYWdlLTI=", Total: 98765432101}
	for i := range 100 {
		reply.Books = append(reply.Books, &pb.Book{
			Name:   fmt.Sprintf("shelves/1/books/%d", i),
			Author: "Author of the volume",
			Title:  fmt.Sprintf("Volume %d of \"The Works\"", i),
			Lent:   true,
			Isbn:   9780000000000 + int64(i),
			Price:  8.75 + float64(i),
			Pages:  100 + int32(i),
			Grade:  pb.Grade_GRADE_FINE,
			Tags:   []string{"fiction", "classic"},
		})
	}
	return mustEncode(reply)
}

// watch sends `count` quotes, numbered from 1.
func watch(_ any, stream grpc.ServerStream) error {
	var received encoded
	if err := stream.RecvMsg(&received); err != nil {
		return err
	}
	var request pb.WatchRequest
	if err := proto.Unmarshal(received.bytes, &request); err != nil {
		return err
	}
	symbol := mustEncode(&pb.Quote{Symbol: request.Symbol})
	for i := range request.Count {
		out := make([]byte, 0, len(symbol)+20)
		out = protowire.AppendTag(out, 1, protowire.VarintType)
		out = protowire.AppendVarint(out, uint64(i)+1)
		out = append(out, symbol...)
		out = protowire.AppendTag(out, 3, protowire.Fixed64Type)
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(float64(i)*0.5+0.25))
		if err := stream.SendMsg(&encoded{out}); err != nil {
			return err
		}
	}
	return nil
}

func mustEncode(message proto.Message) []byte {
	bytes, err := proto.Marshal(message)
	if err != nil {
		log.Fatal(err)
	}
	return bytes
}

var text = []byte(strings.Repeat("x", 1024))

func serveText(writer http.ResponseWriter, _ *http.Request) {
	writer.Header().Set("Content-Type", "text/plain")
	writer.Write(text)
}
