// Plays a scenario against an engine in virtual time.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/replay/pattern.hpp"
#include "tests/replay/script.hpp"
#include "tests/support/engine_fixture.hpp"

namespace postern::replay {

class Player {
 public:
  /// Throws Failure at the first step that does not go as the scenario says.
  static void play(const Script& script);

 private:
  struct Party {
    std::string name;
    sbc::Flow flow;
    std::map<std::string, std::string> requests;  ///< the last of each method that it got: what it answers
    std::string last_got;
    int cseq = 0;
  };

  explicit Player(const std::string& yaml) : bench_(yaml) {}

  void step(const Step& step);
  void of_party(Party& party, const Step& step);
  void add_party(const Step& step);
  void connects(Party& party);
  void disconnects(const Party& party);
  void sends(Party& party, const Step& step);
  void sends_raw(Party& party, const Step& step);
  void answers(Party& party, const Step& step);
  void gets(Party& party, const Step& step);
  void gets_raw(Party& party, const Step& step);
  void gets_same(Party& party, const Step& step);
  void gets_many(Party& party, const Step& step);
  void wait(const Step& step);
  void reload(const Step& step);
  void switches(const Step& step);
  void outcome(const Step& step);
  void outcomes(const Step& step);
  void call(const Step& step);
  void log(const Step& step);
  void metric(const Step& step);

  void put(Party& party, const std::string& bytes);
  void nothing_is_left(int line);
  testing::Sent take(Party& party, int line, std::string_view expected);
  std::string request_text(Party& party, const Step& step);
  [[nodiscard]] std::uint64_t metric_value(const Step& step) const;

  testing::EngineBench bench_;
  Captures captures_;
  std::map<std::string, Party> parties_;
  std::uint64_t connections_ = 0;
  std::map<std::string, int> outcomes_;  ///< since the last step that sent something
};

}  // namespace postern::replay
