// For the sources of this library.
#pragma once

namespace medflyt::crypto {

// libsodium picks its implementations for this processor and opens the system's randomness once, before its first use.
// Every function of ours that reaches libsodium without a Key in hand calls this; where it fails there is no secure
// randomness and the process ends. Thread-safe.
void RequireSodium();

}  // namespace medflyt::crypto
