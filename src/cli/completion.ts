const bash = `# Completion of dstack in bash. In ~/.bashrc: eval "$(dstack completion bash)"
_dstack() {
  local line=\${COMP_LINE:0:COMP_POINT} words word current kept
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[\${#words[@]}-1]}
  # Bash takes a colon for the end of a word, and completes only what is behind it.
  kept=\${current%"\${current##*:}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    COMPREPLY+=("\${word#"$kept"}")
  done < <(dstack __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -o default -F _dstack dstack
`;

const zsh = `#compdef dstack
# Completion of dstack in zsh. In ~/.zshrc, after compinit: eval "$(dstack completion zsh)"
_dstack() {
  local -a found shown
  local word about
  while IFS=$'\\t' read -r word about; do
    found+=("$word")
    shown+=("$word  $about")
  done < <(dstack __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#found} )); then
    compadd -l -d shown -a found
  else
    _files
  fi
}
compdef _dstack dstack
`;

const fish = `# Completion of dstack in fish. In ~/.config/fish/config.fish: dstack completion fish | source
function __dstack_complete
    set -l words (commandline -opc)
    set -l found (dstack __complete -- $words[2..] (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c dstack -e
complete -c dstack -f -a '(__dstack_complete)'
`;

const scripts = { bash, zsh, fish };

/** Prints the script that makes a shell complete the command line of dstack. */
export function completion(shell: keyof typeof scripts): void {
  process.stdout.write(scripts[shell]);
}
