// `postern run --user NAME`: root's rights are given up for good, but the one that a port below 1024 takes.
#pragma once

#include <string>

#include "sbc/net/options.hpp"

namespace postern::net {

/// Of a process that root has started and that has no second thread yet, since rights belong to threads: becomes `user` with all of that
/// user's groups, and keeps CAP_NET_BIND_SERVICE, with `kernel: nftables` CAP_NET_ADMIN, and nothing else; what it executes gains nothing
/// either (PR_SET_NO_NEW_PRIVS). Comes before the first port is opened: the kernel has ports shared (SO_REUSEPORT) by sockets of one user
/// alone, and a reload opens more of them. Before that the state folder and the control socket's are made, or given to the user where they
/// are root's and hold nothing but what is Postern's. Nothing is done where the process runs as that user already. Throws StartError.
void become(const std::string& user, const ShellOptions& options);

}  // namespace postern::net
