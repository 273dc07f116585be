// Who asked for a reload and waits to hear what came of it, and the time in which another configuration has to be confirmed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sbc/net/configuration.hpp"
#include "sbc/net/control.hpp"

namespace postern::net {

/// Of the main thread alone.
class ReloadRequests {
 public:
  using GoBack = std::function<void(std::shared_ptr<const Configuration> before)>;
  /// `go_back` is called when a configuration was not confirmed in time, with what held before, and again as long as that cannot be
  /// taken over.
  ReloadRequests(boost::asio::io_context& io, GoBack go_back, std::chrono::milliseconds retry = std::chrono::seconds{10});

  /// One more waits for the next reload. `confirm` of the arguments (seconds): what it takes over goes again unless confirm() follows.
  /// False: it was refused, and answered.
  bool add(const ControlArguments& arguments, const Answer& answer);
  /// A reload begins: it is what those wait for who have asked until now.
  void begin();
  /// It has ended: they are told. `before` is what holds no longer; what waits to be confirmed already stays what is gone back to.
  void applied(const std::shared_ptr<const Configuration>& before, const Configuration& now, const std::string& changes);
  void refused(const std::vector<FileProblem>& problems);
  /// What go_back() has led to.
  void went_back();
  void cannot_go_back(const std::vector<FileProblem>& problems);
  /// What was taken over stays. False: nothing waits for that, or it is too late.
  [[nodiscard]] bool confirm();
  /// That something waits to be confirmed, or cannot be left; empty: neither.
  [[nodiscard]] std::string warning() const;

 private:
  struct Request {
    std::chrono::seconds confirm{0};  ///< 0: it stays
    Answer answer;
  };
  [[nodiscard]] bool may_go_back() const;
  void tell(const nlohmann::ordered_json& answer);
  void wait_to_go_back(std::chrono::milliseconds time);

  GoBack go_back_;
  std::chrono::milliseconds retry_;
  boost::asio::steady_timer timer_;
  std::vector<Request> asked_, under_way_;
  std::shared_ptr<const Configuration> before_;  ///< nullptr: nothing waits to be confirmed
  std::int64_t due_ = 0;                         ///< seconds since 1970
  bool going_back_ = false;                      ///< it is too late to confirm
  std::string problem_;                          ///< why that did not work the last time
};

}  // namespace postern::net
