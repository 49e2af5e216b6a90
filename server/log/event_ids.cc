#include "server/log/event_ids.h"

#include <algorithm>
#include <string>

#include "common/base/bytes.h"
#include "common/crypto/hash.h"

namespace medflyt::log {
namespace {

using Block = crypto::BlockCipher::Block;
static_assert(EventId::kSize == Block().size());

}  // namespace

EventIds::EventIds(const crypto::Key& secret, std::string_view origin)
    : cipher_(crypto::DeriveKey(secret, "medflyt/v1/event-id", {origin})) {}

EventId EventIds::At(LeafIndex leaf) const {
  Block block{};
  std::string index;
  AppendU64(index, leaf.value());
  std::copy(index.begin(), index.end(), block.begin());
  const Block id = cipher_.Encrypt(block);
  return *EventId::FromBytes({reinterpret_cast<const char*>(id.data()), id.size()});
}

std::optional<LeafIndex> EventIds::Find(const EventId& id) const {
  Block block;
  std::copy(id.bytes().begin(), id.bytes().end(), block.begin());
  const Block plain = cipher_.Decrypt(block);
  ByteReader reader({reinterpret_cast<const char*>(plain.data()), plain.size()});
  const auto index = reader.U64();
  if (!index || reader.U64() != uint64_t{0}) return std::nullopt;
  return LeafIndex(*index);
}

}  // namespace medflyt::log
