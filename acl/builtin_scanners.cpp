// The shipped list. What a scanner's own source, an intrusion detection rule or a published deny list says it writes, and no product of
// use does. Left out on purpose: names that real products contain ("friendly", "scanner", "sipclient" for "sipcli"), monitoring tools
// (sipsak), SDKs and gateways with honest users, and an apostrophe, which stands in people's names.
#include <array>

#include "acl/user_agents.hpp"

namespace postern::acl {
namespace {

constexpr std::string_view deny_list = "paulseward/sip-hardening, siptables.sh";
constexpr std::string_view pexip = "Pexip, policy and log-tool lists";
constexpr std::string_view netcap = "dreadl0ck/netcap, SIP analyser";
constexpr std::string_view kamailio = "kamailio/kamailio, etc/kamailio.cfg";
constexpr std::string_view honeypot = "UserAd/data_science, 18 days of a VoIP honeypot";

constexpr std::array signatures{
    ScannerSignature{"friendly-scanner", "SIPVicious", "EnableSecurity/sipvicious, svhelper.py; Emerging Threats sid 2011716"},
    ScannerSignature{"friendly-request", "SIPVicious, modified", deny_list},
    ScannerSignature{"sipvicious", "SIPVicious", kamailio},
    ScannerSignature{"^sipv\\b", "SIPVicious, modified", deny_list},
    ScannerSignature{"\\bsvmap\\b", "SIPVicious", netcap},
    ScannerSignature{"\\bsvwar\\b", "SIPVicious", netcap},
    ScannerSignature{"\\bsvcrack\\b", "SIPVicious", netcap},
    ScannerSignature{"sundayddr", "SIPVicious, modified (Sundayddr worm)", "Emerging Threats sid 2011766"},
    ScannerSignature{"sundayaddr", "Sundayddr as deployed lists spell it", deny_list},
    ScannerSignature{"\\bsip-scan\\b", "sip-scan", netcap},
    ScannerSignature{"\\bsipscan\\b", "sipscan", deny_list},
    ScannerSignature{"\\bsipcli\\b", "sipcli (KaplanSoft)", kamailio},
    ScannerSignature{"\\biwar\\b", "iWar war dialler", netcap},
    ScannerSignature{"VaxS?IPUserAgent", "VaxVoIP SDK", kamailio},
    ScannerSignature{"pplsip", "sippts", "Pepelux/sippts, default User-Agent"},
    ScannerSignature{"\\bsipptk\\b", "sippts, old", pexip},
    ScannerSignature{"\\bsippts\\b", "sippts", netcap},
    ScannerSignature{"^smap\\b", "smap", deny_list},
    ScannerSignature{"\\bsivus\\b", "SiVuS", "Emerging Threats, scan and voip rules"},
    ScannerSignature{"siparmyknife", "SIP Army Knife", deny_list},
    ScannerSignature{"voiphopper", "VoIP Hopper", netcap},
    ScannerSignature{"\\bNmap NSE\\b", "Nmap's SIP scripts", "nmap, nselib/sip.lua"},
    ScannerSignature{"^Hacker$", "erase_registrations, add_registrations", "Emerging Threats sid 2008640"},
    ScannerSignature{"^eyeBeam release 3006o stamp 17551$", "toll fraud bot", honeypot},
    ScannerSignature{"^eyeBeam release 3007n stamp 17816$", "toll fraud bot", honeypot},
    ScannerSignature{"^eyeBeam release 3004t stamp 16741$", "toll fraud bot", honeypot},
    ScannerSignature{"^eyeBeam release 3015c stamp 27107$", "toll fraud bot", pexip},
    ScannerSignature{"(?-i:^cisco$)", "H.323 and SIP scanner that poses as Cisco", pexip},
    ScannerSignature{"Asterix PBX", "scanner that poses as Asterisk", deny_list},
    ScannerSignature{"^SIP Call$", "INVITE scanner", "Smartvox, How to spot hacker INVITE requests (2016)"},
    ScannerSignature{"(?-i:^VOIP$)", "scanner of port 5061", "SikkerNet report, February 2026"},
    ScannerSignature{"^A_B_C", "scanner", deny_list},
    ScannerSignature{"^aaaaaaaa", "fuzzer", deny_list},
    ScannerSignature{"^fgfdhgfxjfhyjhkj", "scanner", deny_list},
    ScannerSignature{"UsaAirport", "scanner", pexip},
};

}  // namespace

std::span<const ScannerSignature> builtin_scanners() { return signatures; }

}  // namespace postern::acl
