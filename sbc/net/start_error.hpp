// Why Postern could not start, or could not take over another configuration.
#pragma once

#include <stdexcept>
#include <string>

namespace postern::net {

/// Thrown while starting or reloading only, and before anything has changed. what() says what is wrong and what to do.
class StartError : public std::runtime_error {
 public:
  /// `key`: the key of the configuration that is concerned, as its problems name it (`listeners[1]`); empty: none is.
  explicit StartError(const std::string& message, std::string key = {}) : std::runtime_error(message), key_(std::move(key)) {}
  [[nodiscard]] const std::string& key() const { return key_; }

 private:
  std::string key_;
};

}  // namespace postern::net
