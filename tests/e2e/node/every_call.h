// Calls by their descriptors, so that a test can go through all of a service and nothing new escapes it.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "medflyt/v1/citizen_service.grpc.pb.h"
#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

// What clients may call: everything but what nodes do with one another.
inline std::vector<const MethodDescriptor*> AllCalls() {
  std::vector<const MethodDescriptor*> calls;
  for (const auto* file :
       {v1::ProposeAgreementRequest::descriptor()->file(), v1::ReportCitizenRequest::descriptor()->file(),
        v1::GetTileRequest::descriptor()->file(), v1::GetStatusRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service(0)->method_count(); ++i) calls.push_back(file->service(0)->method(i));
  }
  return calls;
}

// A client whom the policy allows the call.
inline std::string ClientFor(const MethodDescriptor& call) {
  if (call.name() == "ImportExtract") return "registry-feed";
  if (call.service()->name() == "AuditService") return "auditor";
  return call.service()->name() == "AdminService" ? "administrator-1" : "case-system-1";
}

inline std::unique_ptr<Message> NewMessage(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

// Who asks and why, where the request has room for it; null where it has none.
inline v1::RequestContext* ContextOf(Message& request) {
  const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName("context");
  if (field == nullptr) return nullptr;
  return static_cast<v1::RequestContext*>(request.GetReflection()->MutableMessage(&request, field));
}

// Sends the requests, which are one unless the client streams, and reads one answer into `response`. Gives "OK" or the
// rule that was broken.
inline std::string CallBy(TestNode& node, const MethodDescriptor& method, const std::vector<const Message*>& requests,
                          Message* response = nullptr) {
  grpc::CompletionQueue queue;
  const auto done = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  grpc::ClientContext context;
  SetDeadline(context);
  context.set_wait_for_ready(true);
  grpc::GenericStub stub(node.Channel(ClientFor(method)));
  const auto call = stub.PrepareCall(&context, "/" + method.service()->full_name() + "/" + method.name(), &queue);
  call->StartCall(nullptr);
  done();
  // Where the node has refused by now nothing is written any more, and the status says why.
  for (const Message* request : requests) {
    const std::string bytes = request->SerializeAsString();
    const grpc::Slice slice(bytes);
    call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    if (!done()) break;
  }
  if (!method.server_streaming() || !method.client_streaming()) {
    call->WritesDone(nullptr);
    done();
  }
  grpc::ByteBuffer answer;
  call->Read(&answer, nullptr);
  const bool answered = done();
  if (answered && method.server_streaming()) context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  done();
  queue.Shutdown();
  done();
  if (answered && response != nullptr) {
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(answer.Dump(&slices).ok());
    std::string bytes;
    for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    EXPECT_TRUE(response->ParseFromString(bytes));
  }
  if (status.ok() || (answered && method.server_streaming())) return "OK";
  const auto broken = BrokenRuleOf(rpc::FromGrpc(status));
  return broken ? broken->rule : "code " + std::to_string(static_cast<int>(status.error_code()));
}

}  // namespace medflyt::testing
