# bash completion for postern
# Made by scripts/generate-docs from the command line itself.
_postern() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command='' commands options valued next i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="${command:+$command }${COMP_WORDS[i]}"
    case $next in
      'run' | 'check' | 'explain' | 'audit' | 'registrations' | 'calls' | 'bans' | 'bans list' | 'bans add' | 'bans remove' | 'bans clear' | 'allow' | 'allow add' | 'allow list' | 'allow remove' | 'init' | 'alerts' | 'alerts test' | 'status' | 'reload' | 'confirm' | 'why' | 'bypass' | 'lockdown' | 'block' | 'top') command=$next ;;
    esac
  done
  case $command in
    '')
      commands='run check explain audit registrations calls bans allow init alerts status reload confirm why bypass lockdown block top'
      options='-h --help --version'
      valued='' ;;
    'run')
      commands=''
      options='-h --help -c --config --user'
      valued='-c --config --user' ;;
    'check')
      commands=''
      options='-h --help -c --config --json'
      valued='-c --config' ;;
    'explain')
      commands=''
      options='-h --help -c --config --source --transport --listener --method --from --to --request-uri --user-agent --registered --message --pcap --compare --json --live'
      valued='-c --config --source --transport --listener --method --from --to --request-uri --user-agent --message --pcap --compare' ;;
    'audit')
      commands=''
      options='-h --help -c --config --json --from-outside'
      valued='-c --config --from-outside' ;;
    'registrations')
      commands=''
      options='-h --help -c --config --json'
      valued='-c --config' ;;
    'calls')
      commands=''
      options='-h --help -c --config --json'
      valued='-c --config' ;;
    'bans')
      commands='list add remove clear'
      options='-h --help'
      valued='' ;;
    'bans list')
      commands=''
      options='-h --help -c --config --json'
      valued='-c --config' ;;
    'bans add')
      commands=''
      options='-h --help -c --config --json --for'
      valued='-c --config --for' ;;
    'bans remove')
      commands=''
      options='-h --help -c --config --json --account'
      valued='-c --config --account' ;;
    'bans clear')
      commands=''
      options='-h --help -c --config --json'
      valued='-c --config' ;;
    'allow')
      commands='add list remove'
      options='-h --help'
      valued='' ;;
    'allow add')
      commands=''
      options='-h --help -c --config --json --country --for'
      valued='-c --config --country --for' ;;
    'allow list')
      commands=''
      options='-h --help -c --config --json'
      valued='-c --config' ;;
    'allow remove')
      commands=''
      options='-h --help -c --config --json --country'
      valued='-c --config --country' ;;
    'init')
      commands=''
      options='-h --help -c --config --pbx --listen --country --office --geo --tls-certificate --tls-key --advertise --force --print'
      valued='-c --config --pbx --listen --country --office --geo --tls-certificate --tls-key --advertise' ;;
    'alerts')
      commands='test'
      options='-h --help'
      valued='' ;;
    'alerts test')
      commands=''
      options='-h --help -c --config --json'
      valued='-c --config' ;;
    'status')
      commands=''
      options='-h --help -c --config --json'
      valued='-c --config' ;;
    'reload')
      commands=''
      options='-h --help -c --config --json --confirm'
      valued='-c --config --confirm' ;;
    'confirm')
      commands=''
      options='-h --help -c --config --json'
      valued='-c --config' ;;
    'why')
      commands=''
      options='-h --help -c --config --json'
      valued='-c --config' ;;
    'bypass')
      commands=''
      options='-h --help -c --config --json --for --off'
      valued='-c --config --for' ;;
    'lockdown')
      commands=''
      options='-h --help -c --config --json --for --off'
      valued='-c --config --for' ;;
    'block')
      commands=''
      options='-h --help -c --config --json --for --off --outgoing'
      valued='-c --config --for' ;;
    'top')
      commands=''
      options='-h --help -c --config --json --interval --once'
      valued='-c --config --interval' ;;
  esac
  COMPREPLY=()
  # What an option takes is a file's name, or nothing that is known here.
  case " $valued " in *" $previous "*) return ;; esac
  case $word in -*) commands=$options ;; esac
  mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
}
complete -o bashdefault -o default -F _postern postern
