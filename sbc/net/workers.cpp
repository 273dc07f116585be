#include "sbc/net/workers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>
#include <latch>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "sbc/mac.hpp"
#include "sbc/net/start_error.hpp"
#include "sbc/net/thread_name.hpp"
#include "sbc/net/workers_impl.hpp"

namespace postern::net {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds closing_check{1};

/// Those that another worker opens as well.
std::vector<sbc::ListenerOptions> open_listeners_of(const Worker::Change& change) {
  std::vector<sbc::ListenerOptions> open;
  for (const sbc::ListenerOptions& listener : Worker::listeners_of(change)) {
    if (listener.open) open.push_back(listener);
  }
  return open;
}

std::uint32_t steering_seed(const sbc::Secrets& secrets) {
  sbc::Mac mac(std::span<const std::uint8_t, 64>(secrets.secret).first<16>());
  const std::array<std::string_view, 1> label{"steering"};
  return static_cast<std::uint32_t>(mac.of(label).low);
}

}  // namespace

/// The others, as one worker sees them.
class Workers::Company final : public sbc::Fellows {
 public:
  Company(const Workers& workers, const WorkerPlace& place) : workers_(workers), place_(place) {}

  void tell(sbc::Note note) override {
    for (std::size_t i = 0; i < workers_.members_.size(); ++i) {
      if (i == place_.index) continue;
      Member& other = *workers_.members_[i];
      if (!workers_.threads_run_) {  // what is restored, however much it is
        other.worker->learn(note);
      } else if (other.waiting.enter(sbc::may_be_lost(note)) && other.mailbox.put(note)) {
        other.deliver();
      }
    }
  }
  [[nodiscard]] bool is_ours(const acl::Address& source) const override { return place_.steering.worker_of(source) == place_.index; }
  void hand_over(const acl::Address& source, const sbc::Flow& core, std::string_view bytes) override {
    Member& other = *workers_.members_[place_.steering.worker_of(source)];
    if (!other.waiting.enter(true)) return;  // the PBX sends it again
    asio::post(*other.io, [&other, core, text = std::string(bytes)] {
      other.waiting.leave();
      other.worker->take(core, text);
    });
  }

 private:
  const Workers& workers_;
  WorkerPlace place_;
};

Workers::Member::Member(asio::io_context* main) : io(main) {
  if (io != nullptr) return;
  io = &own.emplace(1);
  stays.emplace(io->get_executor());
}

void Workers::Member::deliver() {
  asio::post(*io, [this] {
    const bool more = mailbox.take(taken);
    waiting.leave(taken.size());
    if (more) deliver();
    worker->learn(taken);
    taken.clear();  // its memory stays
  });
}

/// As long as it lives the other workers' threads wait, each between two packets. Throws StartError: one is stuck.
class Workers::Halt {
 public:
  explicit Halt(const Workers& workers) {
    if (!workers.running_ || workers.size() == 1) return;
    meeting_ = std::make_shared<Meeting>(workers.size() - 1);
    for (std::size_t i = 1; i < workers.size(); ++i) {
      asio::post(*workers.members_[i]->io, [meeting = meeting_, &here = meeting_->here[i - 1]] {
        here.semaphore.release();
        meeting->over.wait();
      });
    }
    wait(workers.stuck_);
  }
  ~Halt() { end(); }
  Halt(const Halt&) = delete;
  Halt& operator=(const Halt&) = delete;

 private:
  struct Here {
    std::binary_semaphore semaphore{0};
  };
  struct Meeting {
    explicit Meeting(std::size_t others) : here(others) {}
    std::vector<Here> here;
    std::latch over{1};
  };

  void wait(const StuckWorker& stuck) {
    const auto end_of_patience = std::chrono::steady_clock::now() + stuck.patience;
    for (std::size_t i = 0; i < meeting_->here.size(); ++i) {
      if (meeting_->here[i].semaphore.try_acquire_until(end_of_patience)) continue;
      end();  // whoever comes late does not wait
      stuck.tell(i + 1);
      throw StartError(fmt::format("worker {} does not answer: look what holds its thread up, or restart", i + 1));
    }
  }
  void end() {
    if (meeting_ != nullptr) meeting_->over.count_down();
  }

  std::shared_ptr<Meeting> meeting_;
};

Workers::Workers(asio::io_context& io, sbc::EngineOptions options, const std::shared_ptr<const acl::Policy>& policy,
                 const sbc::Secrets& secrets, sbc::EventSink& events, StuckWorker stuck)
    : closing_timer_(io), stuck_(std::move(stuck)) {
  const std::uint16_t count = options.pbx.workers;
  const Steering steering(count, steering_seed(secrets));
  shared_ = std::make_shared<sbc::Shared>(secrets.table_seed, count == 1);
  for (std::uint16_t i = 0; i < count; ++i) {
    const WorkerPlace place{i, steering};
    members_.push_back(std::make_unique<Member>(i == 0 ? &io : nullptr));
    Member& member = *members_.back();
    if (count > 1) member.company = std::make_unique<Company>(*this, place);
    if (i > 0) {
      options.listeners = first().options().listeners;
      options.pbx.bind = first().core();
      options.pbx.bind->port = first().options().pbx.core_ports().of(i);
    }
    options.pbx.worker = i;
    member.worker =
        std::make_unique<Worker>(*member.io, options, policy, secrets, events, place, sbc::Company{member.company.get(), shared_});
  }
}

Workers::~Workers() {
  if (!running_) return;
  for (const auto& member : members_) member->io->stop();
  join();
}

void Workers::join() {
  for (const auto& member : members_) {
    if (member->thread.joinable()) member->thread.join();
  }
}

const Worker& Workers::first() const { return *members_.front()->worker; }

const WaitingNotes& Workers::waiting(std::size_t index) const { return members_[index]->waiting; }

std::vector<sbc::Endpoint> Workers::core() const {
  std::vector<sbc::Endpoint> all;
  all.reserve(members_.size());
  for (const auto& member : members_) all.push_back(member->worker->core());
  return all;
}

void Workers::remember(StateStore& store, KernelBans& kernel, const sbc::DurableState& kept) {
  for (const auto& member : members_) {
    const auto is_its = [&](const acl::Address& source) { return member->company == nullptr || member->company->is_ours(source); };
    member->worker->remember(store, kernel, sbc::part_of(kept, is_its));
  }
}

void Workers::start() {
  running_ = true;
  threads_run_ = true;
  for (const auto& member : members_) member->worker->start();
  for (std::size_t i = 1; i < members_.size(); ++i) members_[i]->thread = std::jthread([this, i] { run(i); });
}

/// A worker's thread. The process cannot go on without its sources: what it throws is the main thread's to end with.
void Workers::run(std::size_t index) {
  name_this_thread("postern/" + std::to_string(index));
  try {
    members_[index]->io->run();
  } catch (...) {  // there may be no memory: nothing here takes any
    if (failed_.exchange(true)) return;
    failure_ = std::current_exception();
    members_.front()->io->stop();
  }
}

void Workers::rethrow() const {
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

void Workers::stop() {
  if (!std::exchange(running_, false)) return;
  for (std::size_t i = 1; i < members_.size(); ++i) {
    Member& member = *members_[i];
    asio::post(*member.io, [&member] {
      member.worker->stop();
      member.io->stop();
    });
  }
  closing_timer_.cancel();
  members_.front()->worker->stop();
  join();
}

std::vector<sbc::Setup> Workers::reload(std::vector<sbc::Setup> setups) {
  const Halt halt(*this);
  std::vector<Worker::Prepared> prepared = prepare(std::move(setups));
  std::vector<sbc::Setup> before;
  before.reserve(members_.size());
  for (std::size_t i = 0; i < members_.size(); ++i) before.push_back(members_[i]->worker->commit(*prepared[i]));
  arm_closing_timer();
  return before;
}

/// All of what may fail.
std::vector<Worker::Prepared> Workers::prepare(std::vector<sbc::Setup> setups) {
  try {
    std::vector<Worker::Prepared> prepared;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (i > 0) setups[i].options.listeners = open_listeners_of(*prepared.front());
      prepared.push_back(members_[i]->worker->prepare(std::move(setups[i])));
    }
    return prepared;
  } catch (const StartError&) {
    throw;
  } catch (const std::exception& error) {  // no memory, say
    throw StartError(error.what());
  }
}

void Workers::close_drained(acl::TimePoint now) {
  try {
    const Halt halt(*this);
    std::vector<Worker*> all;
    all.reserve(members_.size());
    for (const auto& member : members_) all.push_back(member->worker.get());
    Worker::close_drained(all, now);
    arm_closing_timer();
  } catch (const StartError&) {
    wait_to_close();
  }
}

/// While all others wait, or none runs.
void Workers::arm_closing_timer() {
  if (!running_ || std::ranges::none_of(members_, [](const auto& member) { return member->worker->is_closing(); })) return;
  wait_to_close();
}

void Workers::wait_to_close() {
  closing_timer_.expires_after(closing_check);
  closing_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && running_) close_drained(acl::Clock::now());
  });
}

void Workers::set_token_keys(const sbc::Secrets& secrets) {
  for (const auto& member : members_) {
    asio::post(*member->io, [&worker = *member->worker, secrets] { worker.set_token_keys(secrets); });
  }
}

void Workers::set_passes(const std::shared_ptr<const acl::TravelPasses>& passes) {
  for (const auto& member : members_) {
    asio::post(*member->io, [&worker = *member->worker, passes] { worker.set_passes(passes); });
  }
}

void Workers::set_hep(const std::optional<sbc::Endpoint>& server) {
  for (const auto& member : members_) {
    asio::post(*member->io, [&worker = *member->worker, server] { worker.set_hep(server); });
  }
}

void Workers::set_switches(const std::shared_ptr<const sbc::Switches>& switches) {
  for (const auto& member : members_) {
    asio::post(*member->io, [&worker = *member->worker, switches] { worker.set_switches(switches); });
  }
}

}  // namespace postern::net
