// Why Postern could not start.
#pragma once

#include <stdexcept>

namespace postern::net {

/// Thrown while starting only. what() names the key of the configuration that is concerned and says what to do.
class StartError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace postern::net
