// One configuration as the engine takes it: compiled off the packet path, taken over in one piece.
#pragma once

#include <memory>
#include <utility>

#include "acl/networks.hpp"
#include "acl/policy.hpp"
#include "sbc/options.hpp"

namespace postern::sbc {

struct Setup {
  Setup(EngineOptions engine, std::shared_ptr<const acl::Policy> rules)
      : options(std::move(engine)), policy(std::move(rules)), trusted(options.trusted) {}

  EngineOptions options;  ///< `pbx.bind` is set; a reload's listeners are in the slots that they have (sbc/listeners.hpp)
  std::shared_ptr<const acl::Policy> policy;
  acl::NetworkSet trusted;  ///< of options.trusted
};

}  // namespace postern::sbc
