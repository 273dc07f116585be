#include "sbc/net/alert_way.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "sbc/net/thread_name.hpp"

namespace postern::net {

using std::chrono::steady_clock;

AlertWay::AlertWay(std::string name, Log& log, AlertCounts& counts) : name_(std::move(name)), log_(log), counts_(counts) {}
AlertWay::~AlertWay() = default;

void AlertWay::use(std::string to, Deliver deliver) {
  const std::scoped_lock hold(mutex_);
  to_ = std::move(to);
  deliver_ = deliver ? std::make_shared<const Deliver>(std::move(deliver)) : nullptr;
  if (!deliver_) drop_all();
  if (deliver_ && !thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

bool AlertWay::in_use() const {
  const std::scoped_lock hold(mutex_);
  return deliver_ != nullptr;
}

std::string AlertWay::to() const {
  const std::scoped_lock hold(mutex_);
  return to_;
}

void AlertWay::push(std::shared_ptr<const Alert> alert, Tell tell) {
  {
    const std::scoped_lock hold(mutex_);
    if (!deliver_) return;
    Waiting waiting{std::move(alert), std::move(tell)};
    if (!make_room(waiting)) return;
    waiting_.push_back(std::move(waiting));
    changed_ = true;
  }
  wake_.notify_one();
}

/// Under the mutex, as all below.
void AlertWay::drop_all() {
  for (const Waiting& each : waiting_)
    if (each.tell) each.tell({false, false, "the configuration has been changed: alerts go this way no more"});
  waiting_.clear();
}

bool AlertWay::make_room(const Waiting& waiting) {
  const AlertKind kind = waiting.alert->kind;
  if (std::ranges::count_if(waiting_, [&](const Waiting& each) { return each.alert->kind == kind; }) < most_of_a_kind) return true;
  if (waiting.tell) {
    waiting.tell({false, false, "too many trials are waiting: try again"});
    return false;
  }
  ++counts_.lost;
  const auto less =
      std::ranges::find_if(waiting_, [&](const Waiting& each) { return each.alert->kind == kind && each.rank() > waiting.rank(); });
  if (less == waiting_.end()) return false;
  waiting_.erase(less);
  return true;
}

std::list<AlertWay::Waiting>::iterator AlertWay::next(steady_clock::time_point now) {
  auto found = waiting_.end();
  for (auto each = waiting_.begin(); each != waiting_.end(); ++each) {
    if (each->due <= now && (found == waiting_.end() || each->rank() < found->rank())) found = each;
  }
  return found;
}

steady_clock::time_point AlertWay::next_due() const {
  auto due = steady_clock::now() + std::chrono::hours{1};
  for (const Waiting& each : waiting_) due = std::min(due, each.due);
  return due;
}

void AlertWay::run(const std::stop_token& stop) {
  name_this_thread("postern/" + name_);
  std::unique_lock hold(mutex_);
  while (!stop.stop_requested()) {
    const auto found = next(steady_clock::now());
    if (found == waiting_.end()) {
      wake_.wait_until(hold, stop, next_due(), [this] { return std::exchange(changed_, false); });
      continue;
    }
    Waiting waiting = std::move(*found);
    waiting_.erase(found);
    const std::shared_ptr<const Deliver> how = deliver_;
    hold.unlock();
    const AlertResult result = deliver(*how, *waiting.alert, stop);
    hold.lock();
    if (!stop.stop_requested()) finish(std::move(waiting), result);
  }
}

AlertResult AlertWay::deliver(const Deliver& how, const Alert& alert, const std::stop_token& stop) const {
  try {
    return how(alert, stop);
  } catch (const std::exception& error) {  // no memory, say
    return {false, true, error.what()};
  }
}

void AlertWay::finish(Waiting waiting, const AlertResult& result) {
  if (waiting.tell) return waiting.tell(result);
  if (result.delivered) {
    ++counts_.delivered;
    return;
  }
  ++waiting.tries;
  if (result.try_again && waiting.tries < most_tries && deliver_) {
    waiting.due = steady_clock::now() + pauses.at(static_cast<std::size_t>(waiting.tries) - 1);
    waiting_.push_back(std::move(waiting));
    return;
  }
  ++counts_.failed;
  log_failure(waiting, result);
}

void AlertWay::log_failure(const Waiting& waiting, const AlertResult& result) const {
  log_.write(LogLevel::error, "alert_failed",
             {{"alert", info(waiting.alert->kind).word},
              {"way", name_},
              {"to", to_},
              {"error", result.what},
              {"count", std::to_string(waiting.tries), true},
              {"message", "nobody was told of it this way: mend what `error` names, then `postern alerts test` tries it"}});
}

}  // namespace postern::net
