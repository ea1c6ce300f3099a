//! A line of shell as words, as far as documents and examples use it: quotes, comments, pipes, redirections, variables before
//! a command. Expands nothing.

/// The words of each simple command of a line, without assignments, redirections and comments; `cargo run … -- ARGS` is
/// `syncd ARGS`.
pub(crate) fn simple_commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut target = false;
    for word in words(line) {
        match word {
            Word::End => commands.push(Vec::new()),
            Word::Redirect => target = true,
            Word::Text(_) if std::mem::take(&mut target) => {}
            Word::Text(text) => {
                let command = commands.last_mut().unwrap();
                let assigns = text.split_once('=').is_some_and(|(name, _)| {
                    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                });
                if !(command.is_empty() && assigns) {
                    command.push(text);
                }
            }
        }
    }
    commands.retain(|command| !command.is_empty());
    for command in &mut commands {
        if command.starts_with(&["cargo".into(), "run".into()])
            && let Some(at) = command.iter().position(|word| word == "--")
            && command.iter().any(|word| word == "syncd")
            && !command.iter().any(|word| word == "--bin")
        {
            *command = std::iter::once("syncd".to_owned())
                .chain(command.drain(at + 1..))
                .collect();
        }
    }
    commands
}

enum Word {
    Text(String),
    /// `|`, `;`, `&`, `&&`, `||`.
    End,
    /// `>`, `<`: a target follows.
    Redirect,
}

fn words(line: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.peek() == Some(&'\n') => drop(rest.next()),
            '\\' => word.get_or_insert_default().extend(rest.next()),
            '\'' => word
                .get_or_insert_default()
                .extend(rest.by_ref().take_while(|c| *c != '\'')),
            '"' => {
                let word = word.get_or_insert_default();
                while let Some(c) = rest.next().filter(|c| *c != '"') {
                    word.extend(if c == '\\' { rest.next() } else { Some(c) });
                }
            }
            '#' if word.is_none() => break,
            c if c.is_whitespace() => found.extend(word.take().map(Word::Text)),
            '|' | ';' | '&' => {
                found.extend(word.take().map(Word::Text));
                found.push(Word::End);
            }
            '<' | '>' => {
                // `2>`: the number belongs to it.
                word = word.filter(|word| !word.chars().all(|c| c.is_ascii_digit()));
                found.extend(word.take().map(Word::Text));
                rest.next_if(|c| *c == '>' || *c == '&');
                found.push(Word::Redirect);
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    found.extend(word.map(Word::Text));
    found
}
