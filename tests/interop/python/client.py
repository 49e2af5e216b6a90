"""A client that knows a node by its protos alone, and proofs by RFC 6962 and the C2SP formats.

client.py STUBS ADDRESS CA CLIENT AUDITOR OWN_CVR OTHER_CVR VERIFIER_KEY, where CLIENT.pem and CLIENT.key are files.
Fails with an exception, or ends with "all as promised".
"""
import base64
import hashlib
import os
import subprocess
import sys
import tempfile

stubs, address, ca, client, auditor, own, other, verifier_key = sys.argv[1:]
sys.path.insert(0, stubs)
sys.dont_write_bytecode = True

import grpc  # noqa: E402
from medflyt.v1 import audit_service_pb2 as audit  # noqa: E402
from medflyt.v1 import commands_pb2 as commands  # noqa: E402
from medflyt.v1 import event_pb2 as event_types  # noqa: E402
from medflyt.v1 import municipality_service_pb2 as municipality  # noqa: E402
from medflyt.v1 import views_pb2 as views  # noqa: E402

TIMEOUT = 60


def read(path):
    with open(path, "rb") as file:
        return file.read()


def connect(certificate):
    credentials = grpc.ssl_channel_credentials(read(ca), read(certificate + ".key"), read(certificate + ".pem"))
    return grpc.secure_channel(address, credentials)


def unary(channel, service, method, request, answer):
    return channel.unary_unary(f"/medflyt.v1.{service}/{method}", request_serializer=type(request).SerializeToString,
                               response_deserializer=answer.FromString)(request, timeout=TIMEOUT)


def said(message, request_id=""):
    message.context.request_id = request_id
    message.context.officer = "anna.officer"
    message.context.purpose = "interoperability"
    return message


def propose(channel, request_id):
    request = said(municipality.ProposeAgreementRequest(), request_id)
    proposal = request.propose_agreement
    proposal.provider, proposal.buyer = own, other
    terms = proposal.terms
    terms.capacity, terms.price_ore, terms.price_unit = 3, 1_250_000, event_types.PRICE_UNIT_PER_PLACE
    terms.valid_from, terms.valid_to = "2026-01-01", "2035-12-31"
    terms.notice_days, terms.settlement_months = 90, 1
    terms.legal_basis, terms.council_case = "RSL-12A", "2026-17"
    return unary(channel, "MunicipalityService", "ProposeAgreement", request, commands.CommandResult)


def watch(channel, position, until):
    """Events from a position on, until `until` says of one message that it is enough; and where to go on from."""
    request = said(municipality.WatchEventsRequest(from_position=position))
    stream = channel.unary_stream("/medflyt.v1.MunicipalityService/WatchEvents",
                                  request_serializer=municipality.WatchEventsRequest.SerializeToString,
                                  response_deserializer=municipality.WatchEventsResponse.FromString)(
                                      request, timeout=TIMEOUT)
    events = []
    for response in stream:
        position = response.next_position
        if response.HasField("event"):
            events.append(response.event)
        if until(response):
            break
    stream.cancel()
    return events, position


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def root_of(leaf, index, size, path):
    """RFC 9162, section 2.1.3.2: the root that the path leads to, or None where it cannot be one."""
    if index >= size:
        return None
    first, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if first % 2 == 1 or first == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while first % 2 == 0 and first != 0:
                first, last = first >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        first, last = first >> 1, last >> 1
    return node if last == 0 else None


def open_checkpoint(note, key):
    """C2SP signed-note and tlog-checkpoint: (origin, size, root) of a note that the key signed."""
    name, key_id, data = key.split("+", 2)
    public = base64.b64decode(data)
    assert public[0] == 1 and len(public) == 33
    assert hashlib.sha256(name.encode() + b"\n" + public).hexdigest()[:8] == key_id
    text, signatures = note.split("\n\n", 1)
    text += "\n"
    wanted = f"\u2014 {name} "
    signature = next(line for line in signatures.splitlines() if line.startswith(wanted))
    blob = base64.b64decode(signature[len(wanted):])
    assert blob[:4].hex() == key_id
    assert signed_by(public[1:], text.encode(), blob[4:]), "the signature does not hold"
    assert not signed_by(public[1:], text.encode() + b"x", blob[4:]), "any signature holds"
    origin, size, root = text.splitlines()[:3]
    return origin, int(size), base64.b64decode(root)


def signed_by(public, message, signature):
    """Ed25519, by OpenSSL's program."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"key": bytes.fromhex("302a300506032b6570032100") + public, "message": message, "signature": signature}
        for name, content in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin",
                               "-in", "message", "-sigfile", "signature"], cwd=folder, capture_output=True, check=False)
        return done.returncode == 0


def parse_proof(text):
    """C2SP tlog-proof: index, hashes, checkpoint."""
    head, note = text.split("\n\n", 1)
    lines = head.splitlines()
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    lines = lines[1:]
    if lines[0].startswith("extra "):
        lines = lines[1:]
    assert lines[0].startswith("index ")
    return int(lines[0][len("index "):]), [base64.b64decode(line) for line in lines[1:]], note


def check_proof(channel, event):
    request = said(municipality.GetEventProofRequest(event_id=event.event_id))
    proof = unary(channel, "MunicipalityService", "GetEventProof", request, municipality.GetEventProofResponse)
    assert verifier_key in proof.verifier_keys
    index, path, note = parse_proof(proof.tlog_proof)
    origin, size, root = open_checkpoint(note, verifier_key)
    assert origin == proof.origin == event.origin
    assert index == event.leaf_index
    leaf = leaf_hash(proof.entry)
    assert leaf.hex() == event.leaf_hash
    assert root_of(leaf, index, size, path) == root
    # And by nothing else.
    assert root_of(leaf_hash(proof.entry + b"\x00"), index, size, path) != root
    assert root_of(leaf_hash(proof.entry[:-1] + bytes([proof.entry[-1] ^ 1])), index, size, path) != root
    for wrong in (index ^ 1, index + 1):
        assert root_of(leaf, wrong, size, path) != root
    if path:
        assert root_of(leaf, index, size, path[:-1]) != root
        assert root_of(leaf, index, size, path[::-1]) != root or path == path[::-1]
    # What the citizens' data is in stays closed: neither number nor words of the event stand in the entry.
    for clear in (other.encode(), b"RSL-12A", b"2026-17"):
        assert clear not in proof.entry
    return index, leaf


def check_audit(channel, index, leaf):
    """The same leaf by the auditor's service: its inclusion, its tile and its bundle."""
    head = unary(channel, "AuditService", "GetCheckpoint", audit.GetCheckpointRequest(), audit.GetCheckpointResponse)
    assert head.verifier_key == verifier_key
    _, size, root = open_checkpoint(head.checkpoint, verifier_key)
    inclusion = unary(channel, "AuditService", "GetInclusionProof",
                      audit.GetInclusionProofRequest(leaf_index=index, tree_size=size),
                      audit.GetInclusionProofResponse)
    assert inclusion.tree_size == size
    assert root_of(leaf, index, size, list(inclusion.hashes)) == root
    tile = unary(channel, "AuditService", "GetTile", audit.GetTileRequest(level=0, index=0, width=min(size, 256)),
                 audit.GetTileResponse)
    assert tile.data[32 * index:32 * (index + 1)] == leaf
    bundle = unary(channel, "AuditService", "GetEntryBundle",
                   audit.GetEntryBundleRequest(index=0, width=min(size, 256)), audit.GetEntryBundleResponse).data
    entries = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        entries.append(bundle[2:2 + length])
        bundle = bundle[2 + length:]
    assert len(entries) == min(size, 256)
    assert [leaf_hash(entry) for entry in entries] == [tile.data[i:i + 32] for i in range(0, len(tile.data), 32)]


def main():
    channel = connect(client)
    first = propose(channel, "python-1").events[0]
    events, position = watch(channel, 0, lambda response: response.caught_up)
    assert [event.event_id for event in events] == [first.event_id]
    assert events[0].type == first.type == "AgreementProposed"
    assert events[0].delivery == views.DELIVERY_STATE_PENDING, "Nyborg's node does not run"
    assert events[0].content.agreement_proposed.terms.capacity == 3

    # After a break the watch goes on where it was: nothing twice, nothing left out.
    ids = [propose(channel, f"python-{i}").events[0].event_id for i in range(2, 6)]
    later, position = watch(channel, position, lambda response: response.caught_up)
    assert [event.event_id for event in later] == ids
    # A watch that has caught up is told what comes.
    added = []

    def add_one(response):
        if response.caught_up and not added:
            added.append(propose(channel, "python-6").events[0].event_id)
        return bool(added) and response.HasField("event")

    live, _ = watch(channel, position, add_one)
    assert [event.event_id for event in live] == added

    for event in events + later + live:
        index, leaf = check_proof(channel, event)
        check_audit(connect(auditor), index, leaf)

    # Errors carry the rule.
    try:
        unary(channel, "MunicipalityService", "GetEventProof",
              said(municipality.GetEventProofRequest(event_id="0" * 31 + "1")), municipality.GetEventProofResponse)
        raise AssertionError("an event that nobody issued has a proof")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
        assert any(key == "grpc-status-details-bin" for key, _ in error.trailing_metadata())
    print("all as promised")


main()
