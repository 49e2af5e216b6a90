// A tool that knows nothing of the node: it asks for the health status, and by reflection which services there are and
// what their methods look like. Fails with an exception, or ends with "all as promised".
//
// node reflection.js PROTO_FOLDER ADDRESS CA CLIENT, where CLIENT.pem and CLIENT.key are files. The protos are read only
// to compare with what the node told.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protobuf = require('protobufjs');
const descriptor = require('protobufjs/ext/descriptor');

const [protoFolder, address, ca, client] = process.argv.slice(2);

// The two standard services of gRPC, as they are published (grpc/health/v1, grpc/reflection/v1alpha); what is not used
// here is left out.
const standard = protobuf.parse(`
  syntax = "proto3";
  message HealthCheckRequest { string service = 1; }
  message HealthCheckResponse {
    enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
    ServingStatus status = 1;
  }
  message ServerReflectionRequest {
    string host = 1;
    oneof message_request {
      string file_by_filename = 3;
      string file_containing_symbol = 4;
      string list_services = 7;
    }
  }
  message ServerReflectionResponse {
    string valid_host = 1;
    oneof message_response {
      FileDescriptorResponse file_descriptor_response = 4;
      ListServiceResponse list_services_response = 6;
      ErrorResponse error_response = 7;
    }
  }
  message FileDescriptorResponse { repeated bytes file_descriptor_proto = 1; }
  message ListServiceResponse { repeated ServiceResponse service = 1; }
  message ServiceResponse { string name = 1; }
  message ErrorResponse { int32 error_code = 1; string error_message = 2; }
`, { keepCase: true }).root;

function method(name, request, response, streams) {
  const [asked, told] = [standard.lookupType(request), standard.lookupType(response)];
  return {
    path: name, requestStream: streams, responseStream: streams,
    requestSerialize: (message) => Buffer.from(asked.encode(asked.fromObject(message)).finish()),
    requestDeserialize: (bytes) => asked.decode(bytes),
    responseSerialize: (message) => Buffer.from(told.encode(message).finish()),
    responseDeserialize: (bytes) => told.toObject(told.decode(bytes), { enums: String }),
  };
}

const Tool = grpc.makeGenericClientConstructor({
  check: method('/grpc.health.v1.Health/Check', 'HealthCheckRequest', 'HealthCheckResponse', false),
  reflect: method('/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo', 'ServerReflectionRequest',
                  'ServerReflectionResponse', true),
}, 'Tool');

function connect(certificate) {
  return new Tool(address, certificate === null
    ? grpc.credentials.createSsl(fs.readFileSync(ca))
    : grpc.credentials.createSsl(fs.readFileSync(ca), fs.readFileSync(`${certificate}.key`),
                                 fs.readFileSync(`${certificate}.pem`)));
}

const deadline = () => ({ deadline: Date.now() + 60000 });

// The status of a service, or the code of the error.
function health(tool, service) {
  return new Promise((resolve) => {
    tool.check({ service }, deadline(), (error, answer) => resolve(error ? error.code : answer.status));
  });
}

// One answer for each request, on one stream.
function reflect(tool, requests) {
  return new Promise((resolve, reject) => {
    const answers = [];
    const stream = tool.reflect(deadline());
    stream.on('data', (answer) => answers.push(answer));
    stream.on('end', () => resolve(answers));
    stream.on('error', reject);
    for (const request of requests) stream.write(request);
    stream.end();
  });
}

// What a proto file says of its services: { "medflyt.v1.AdminService": { GetStatus: [request, response, streams] } }.
function servicesOf(file) {
  const found = {};
  for (const service of file.service) {
    const methods = found[`${file.package}.${service.name}`] = {};
    for (const each of service.method) {
      methods[each.name] = [each.inputType, each.outputType, Boolean(each.clientStreaming), Boolean(each.serverStreaming)];
    }
  }
  return found;
}

// The same, of the protos in the folder.
function servicesInFolder(names) {
  const root = new protobuf.Root();
  root.resolvePath = (origin, target) => {
    const ours = path.join(protoFolder, target);
    return fs.existsSync(ours) ? ours : target;
  };
  const folder = path.join('medflyt', 'v1');
  root.loadSync(fs.readdirSync(path.join(protoFolder, folder)).filter((file) => file.endsWith('_service.proto'))
    .map((file) => path.join(folder, file)));
  root.resolveAll();
  return Object.fromEntries(names.map((name) => [name, Object.fromEntries(
    root.lookupService(name).methodsArray.map((each) => [each.name, [
      each.resolvedRequestType.fullName, each.resolvedResponseType.fullName, Boolean(each.requestStream),
      Boolean(each.responseStream)]]))]));
}

async function main() {
  const tool = connect(client);
  assert.equal(await health(tool, ''), 'SERVING');
  assert.equal(await health(tool, 'medflyt.v1.NoSuchService'), grpc.status.NOT_FOUND);

  const own = ['AdminService', 'AuditService', 'CitizenService', 'MunicipalityService', 'PeerService'].map((name) => `medflyt.v1.${name}`);
  const [listed] = await reflect(tool, [{ list_services: '*' }]);
  assert.deepEqual(listed.list_services_response.service.map((service) => service.name).sort(),
                   ['grpc.health.v1.Health', 'grpc.reflection.v1alpha.ServerReflection', ...own].sort());

  // Each service's own file describes it whole: every method, as the protos have it.
  const told = {};
  for (const answer of await reflect(tool, own.map((name) => ({ file_containing_symbol: name })))) {
    assert.ok(answer.file_descriptor_response, JSON.stringify(answer));
    for (const bytes of answer.file_descriptor_response.file_descriptor_proto) {
      Object.assign(told, servicesOf(descriptor.FileDescriptorProto.decode(bytes)));
    }
  }
  assert.deepEqual(told, servicesInFolder(own));
  assert.ok(Object.keys(told['medflyt.v1.MunicipalityService']).length > 30);

  const [absent] = await reflect(tool, [{ file_containing_symbol: 'medflyt.v1.NoSuchService' }]);
  assert.equal(absent.error_response.error_code, grpc.status.NOT_FOUND);

  // Who has no certificate is told neither.
  assert.equal(await health(connect(null), ''), grpc.status.UNAVAILABLE);
  await assert.rejects(reflect(connect(null), [{ list_services: '*' }]), { code: grpc.status.UNAVAILABLE });
  console.log('all as promised');
}

main().then(() => process.exit(0), (error) => {
  console.error(error.stack);
  process.exit(1);
});
