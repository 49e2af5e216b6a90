// A case system that knows a node by its protos alone. Fails with an exception, or ends with "all as promised".
//
// node client.js PROTO_FOLDER ADDRESS CA CLIENT AUDITOR OWN_CVR OTHER_CVR, where CLIENT.pem and CLIENT.key are files.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const [protoFolder, address, ca, client, auditor, own, other] = process.argv.slice(2);

const definition = protoLoader.loadSync('medflyt/v1/municipality_service.proto', {
  includeDirs: [protoFolder], keepCase: true, longs: String, enums: String, defaults: true, oneofs: true,
});
const { medflyt } = grpc.loadPackageDefinition(definition);

// google.rpc.Status and what stands in it, for the details of errors.
const details = new protobuf.Root();
details.resolvePath = (origin, target) => {
  const ours = path.join(protoFolder, target);
  return fs.existsSync(ours) ? ours : target;
};
details.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto']);

function connect(certificate) {
  const credentials = certificate === null
    ? grpc.credentials.createSsl(fs.readFileSync(ca))
    : grpc.credentials.createSsl(fs.readFileSync(ca), fs.readFileSync(`${certificate}.key`),
                                 fs.readFileSync(`${certificate}.pem`));
  return new medflyt.v1.MunicipalityService(address, credentials);
}

// The answer, or the error with its details taken apart: { code, reason, domain, field, danish }.
function call(stub, method, request) {
  return new Promise((resolve, reject) => {
    stub[method](request, { deadline: Date.now() + 60000 }, (error, response) => {
      if (!error) return resolve(response);
      const told = { code: error.code, message: error.details };
      const [bytes] = error.metadata ? error.metadata.get('grpc-status-details-bin') : [];
      if (bytes) {
        const status = details.lookupType('google.rpc.Status').decode(bytes);
        told.statusCode = status.code;
        for (const any of status.details) {
          const type = any.type_url.slice(any.type_url.lastIndexOf('/') + 1);
          const detail = details.lookupType(type).decode(any.value);
          if (type === 'google.rpc.ErrorInfo') Object.assign(told, { reason: detail.reason, domain: detail.domain });
          if (type === 'google.rpc.BadRequest') told.field = detail.fieldViolations[0].field;
          if (type === 'google.rpc.LocalizedMessage') told.danish = detail.locale === 'da' ? detail.message : undefined;
        }
      }
      return reject(Object.assign(new Error(error.details), { told }));
    });
  });
}

async function errorOf(stub, method, request) {
  try {
    await call(stub, method, request);
  } catch (error) {
    if (error.told) return error.told;
    throw error;
  }
  throw new Error(`${method} was not refused`);
}

const said = (requestId) => ({ request_id: requestId, officer: 'anna.officer', purpose: 'interoperability' });

const proposal = (requestId, changed = {}) => ({
  context: said(requestId),
  propose_agreement: {
    provider: own,
    buyer: other,
    terms: {
      capacity: 3, price_ore: '1250000', price_unit: 'PRICE_UNIT_PER_PLACE', valid_from: '2026-01-01',
      valid_to: '2035-12-31', notice_days: 90, settlement_months: 1, legal_basis: 'RSL-12A', council_case: '2026-17',
      ...changed,
    },
  },
});

async function main() {
  const stub = connect(client);

  const result = await call(stub, 'ProposeAgreement', proposal('js-1'));
  assert.equal(result.events.length, 1);
  const [event] = result.events;
  assert.equal(event.type, 'AgreementProposed');
  assert.equal(event.recipient, other);
  assert.match(event.event_id, /^[0-9a-f]{32}$/);
  assert.match(event.case_id, /^[0-9a-f]{32}$/);

  // The answer was lost: the same request id gets it again, and another command under it nothing.
  assert.deepEqual(await call(stub, 'ProposeAgreement', proposal('js-1')), result);
  const reused = await errorOf(stub, 'ProposeAgreement', proposal('js-1', { capacity: 4 }));
  assert.equal(reused.code, grpc.status.ALREADY_EXISTS);
  assert.equal(reused.reason, 'REQUEST_ID_REUSED');

  const { agreements, next_page_token: next } = await call(stub, 'ListAgreements', { context: said('') });
  assert.equal(next, '');
  assert.equal(agreements.length, 1);
  assert.equal(agreements[0].agreement_id, event.case_id);
  assert.equal(agreements[0].provider, own);
  assert.equal(agreements[0].buyer, other);
  assert.equal(agreements[0].state, 'AGREEMENT_STATE_PROPOSED');

  const shown = await call(stub, 'GetAgreement', { context: said(''), agreement_id: event.case_id });
  assert.equal(shown.agreement.versions.length, 1);
  assert.deepEqual(shown.agreement.versions[0].terms, proposal('').propose_agreement.terms);

  // A rule that a field breaks: code, rule, field, and a Danish text.
  const malformed = await errorOf(stub, 'ProposeAgreement', proposal('js-2', { valid_from: '2026-02-30' }));
  assert.equal(malformed.code, grpc.status.INVALID_ARGUMENT);
  assert.equal(malformed.statusCode, malformed.code);
  assert.equal(malformed.domain, 'medflyt');
  assert.equal(malformed.reason, 'FIELD_MALFORMED');
  assert.match(malformed.field, /valid_from/);
  assert.ok(malformed.danish.length > 0);
  assert.notEqual(malformed.danish, malformed.message);

  // Officer and purpose are asked for; a role does its own only; without a certificate there is no conversation.
  const unnamed = proposal('js-3');
  unnamed.context.officer = '';
  assert.equal((await errorOf(stub, 'ProposeAgreement', unnamed)).reason, 'OFFICER_REQUIRED');
  const forbidden = await errorOf(connect(auditor), 'ProposeAgreement', proposal('js-4'));
  assert.equal(forbidden.code, grpc.status.PERMISSION_DENIED);
  assert.equal(forbidden.reason, 'CLIENT_ROLE_NOT_ALLOWED');
  const stranger = await errorOf(connect(null), 'ListAgreements', { context: said('') });
  assert.equal(stranger.code, grpc.status.UNAVAILABLE);

  // None of what was refused changed anything.
  assert.equal((await call(stub, 'ListAgreements', { context: said('') })).agreements.length, 1);
  console.log('all as promised');
}

main().then(() => process.exit(0), (error) => {
  console.error(error.told || '', error.stack);
  process.exit(1);
});
