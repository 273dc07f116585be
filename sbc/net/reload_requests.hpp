// Who asked for a reload and waits to hear what came of it, and the time in which another configuration has to be confirmed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sbc/net/configuration.hpp"
#include "sbc/net/control.hpp"

namespace postern::net {

/// Of the main thread alone.
class ReloadRequests {
 public:
  /// `go_back` is called when a configuration was not confirmed in time, with what held before.
  ReloadRequests(boost::asio::io_context& io, std::function<void(const Configuration& before)> go_back);

  /// One more waits for the next reload. `confirm` of the arguments (seconds): what it takes over goes again unless confirm() follows.
  /// False: it was refused, and answered.
  bool add(const ControlArguments& arguments, const Answer& answer);
  /// A reload begins: it is what those wait for who have asked until now.
  void begin();
  /// It has ended: they are told. `before` is what holds no longer.
  void applied(const std::shared_ptr<const Configuration>& before, const Configuration& now, const std::string& changes);
  void refused(const std::vector<FileProblem>& problems);
  /// What was taken over stays.
  AnswerPart confirm();
  /// Until when that has to follow, in seconds since 1970; nullopt: nothing waits for it.
  [[nodiscard]] std::optional<std::int64_t> confirmation_due() const;
  void stop() { timer_.cancel(); }

 private:
  struct Request {
    std::chrono::seconds confirm{0};  ///< 0: it stays
    Answer answer;
  };
  void tell(const nlohmann::ordered_json& answer);
  void wait_to_go_back(std::chrono::seconds time, const std::shared_ptr<const Configuration>& before);

  std::function<void(const Configuration& before)> go_back_;
  boost::asio::steady_timer timer_;
  std::vector<Request> asked_, under_way_;
  std::shared_ptr<const Configuration> before_;  ///< nullptr: nothing waits to be confirmed
  std::int64_t due_ = 0;                         ///< seconds since 1970
};

}  // namespace postern::net
