#include "sbc/net/warnings.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace postern::net {

using nlohmann::ordered_json;

std::vector<std::string> switch_warnings(const ordered_json& stands) {
  std::vector<std::string> all;
  const auto tell = [&](const char* key, std::string_view meaning) {
    if (const ordered_json& until = stands.at(key); !until.is_null())
      all.push_back(fmt::format("{0} until {1}: {2} (postern {0} --off)", key, until.get<std::string>(), meaning));
  };
  tell("bypass", bypass_meaning);
  tell("lockdown", "only registered phones, trusted networks, trunks and emergency calls are served");
  for (const ordered_json& block : stands.at("blocks")) {
    const auto device = block.at("device").get<std::string>();
    const std::string_view what = block.at("outgoing").get<bool>() ? " for what it calls" : "";
    all.push_back(fmt::format("{0} is blocked{1} until {2} (postern block {0} --off)", device, what, block.at("until").get<std::string>()));
  }
  return all;
}

std::vector<std::string> state_warnings(const WorkerFacts& facts) {
  std::vector<std::string> all;
  if (facts.probably_banned)
    all.emplace_back(
        "probably banned by the PBX's fail2ban: it fell silent shortly after it had refused logins; unban Postern's core address there and "
        "put it on its whitelist");
  for (const sbc::PbxUp& pbx : facts.engine.pbx_up) {
    if (!pbx.up) all.push_back(fmt::format("the PBX at {} does not answer", pbx.address));
  }
  for (const std::size_t worker : facts.missing)
    all.push_back(fmt::format("worker {} does not answer: its phones hear nothing, and its figures are those of before", worker));
  return all;
}

}  // namespace postern::net
