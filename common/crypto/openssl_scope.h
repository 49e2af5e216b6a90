// For the sources of this library that read certificates.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>

#include <memory>

namespace medflyt::crypto {

// Deleter for std::unique_ptr that calls OpenSSL's own release function.
template <auto Free>
struct Releaser {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Releaser<BIO_free>>;

// OpenSSL queues its errors by thread; none of ours may be left for the next caller (gRPC reads the queue).
class ErrorQueueGuard {
 public:
  ErrorQueueGuard() { ERR_set_mark(); }
  ~ErrorQueueGuard() { ERR_pop_to_mark(); }
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
};

// A pem_password_cb: without it OpenSSL would ask on the terminal for the password of an encrypted PEM block.
inline int NoPassword(char*, int, int, void*) { return -1; }

}  // namespace medflyt::crypto
