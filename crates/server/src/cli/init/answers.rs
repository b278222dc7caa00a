//! What is asked: five questions that decide, each with a flag of its own.

use std::io::{BufRead, Write};

use clap::{Args, ValueEnum};

use crate::cli::Failure;
use crate::config::PublicUrl;

/// Everything that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// A logout or a ban must bite within seconds, everywhere.
    pub instant_revocation: bool,
    /// Several services check who is calling.
    pub several_services: bool,
    /// Mobile or desktop clients, which stay logged in for weeks.
    pub mobile_clients: bool,
    /// Programs of other people call an API.
    pub public_api: bool,
    /// Money, health, or another reason for strict rules on idle logins.
    pub regulated: bool,
}

/// Answers that often go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// One web application under strict rules
    Banking,
    /// A web application as most are
    Saas,
    /// An API with several services and mobile clients
    Api,
}

impl Preset {
    /// What it answers.
    pub const fn answers(self) -> Answers {
        let web = Answers {
            instant_revocation: true,
            several_services: false,
            mobile_clients: false,
            public_api: false,
            regulated: false,
        };
        match self {
            Self::Banking => Answers { regulated: true, ..web },
            Self::Saas => web,
            Self::Api => Answers {
                instant_revocation: false,
                several_services: true,
                mobile_clients: true,
                public_api: true,
                regulated: false,
            },
        }
    }
}

/// Answers on the command line.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Given {
    /// Must a logout or a ban bite within seconds, everywhere?
    #[arg(long, value_enum, value_name = "yes|no")]
    instant_revocation: Option<YesNo>,
    /// Do several services check who is calling?
    #[arg(long, value_enum, value_name = "yes|no")]
    several_services: Option<YesNo>,
    /// Are there mobile or desktop clients that stay logged in for weeks?
    #[arg(long, value_enum, value_name = "yes|no")]
    mobile_clients: Option<YesNo>,
    /// Do programs of other people call an API?
    #[arg(long, value_enum, value_name = "yes|no")]
    public_api: Option<YesNo>,
    /// Are there strict rules, as for money or health?
    #[arg(long, value_enum, value_name = "yes|no")]
    regulated: Option<YesNo>,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    /// Yes.
    Yes,
    /// No.
    No,
}

impl Given {
    /// What is not given is as in `known`.
    pub fn or(self, known: Answers) -> Answers {
        let or = |given: Option<YesNo>, known: bool| given.map_or(known, |given| given == YesNo::Yes);
        Answers {
            instant_revocation: or(self.instant_revocation, known.instant_revocation),
            several_services: or(self.several_services, known.several_services),
            mobile_clients: or(self.mobile_clients, known.mobile_clients),
            public_api: or(self.public_api, known.public_api),
            regulated: or(self.regulated, known.regulated),
        }
    }

    /// What is not given is as in `known`; without that it is asked.
    pub fn or_ask(self, known: Option<Answers>, ask: &mut Ask<'_>) -> Result<Answers, Failure> {
        if let Some(known) = known {
            return Ok(self.or(known));
        }
        let usual = Preset::Saas.answers();
        let mut answer = |given: Option<YesNo>, question: &str, usual: bool| match given {
            Some(given) => Ok(given == YesNo::Yes),
            None => ask.yes_or_no(question, usual),
        };
        Ok(Answers {
            instant_revocation: answer(
                self.instant_revocation,
                "Must a logout or a ban bite within seconds, everywhere?",
                usual.instant_revocation,
            )?,
            several_services: answer(
                self.several_services,
                "Do several services check who is calling?",
                usual.several_services,
            )?,
            mobile_clients: answer(
                self.mobile_clients,
                "Are there mobile or desktop clients that stay logged in for weeks?",
                usual.mobile_clients,
            )?,
            public_api: answer(
                self.public_api,
                "Do programs of other people call an API?",
                usual.public_api,
            )?,
            regulated: answer(
                self.regulated,
                "Are there strict rules, as for money or health?",
                usual.regulated,
            )?,
        })
    }
}

/// Whoever answers: a terminal, or a file of lines.
pub struct Ask<'t> {
    /// Where answers come from.
    pub from: &'t mut dyn BufRead,
    /// Where questions go to.
    pub to: &'t mut dyn Write,
}

impl Ask<'_> {
    fn yes_or_no(&mut self, question: &str, usual: bool) -> Result<bool, Failure> {
        let choices = if usual { "[Y/n]" } else { "[y/N]" };
        loop {
            match self.line(&format!("{question} {choices}"))?.to_lowercase().as_str() {
                "" => return Ok(usual),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => self.say("  y or n, please\n"),
            }
        }
    }

    /// Where the world will find the server; `None`: not known yet.
    pub fn public_url(&mut self) -> Result<Option<PublicUrl>, Failure> {
        loop {
            let line = self.line(
                "Where will the world find this server? (https://auth.example.com; empty: not known yet)",
            )?;
            if line.is_empty() {
                return Ok(None);
            }
            match super::checked(&line) {
                Ok(url) => return Ok(Some(url)),
                Err(error) => self.say(&format!("  {error}\n")),
            }
        }
    }

    fn line(&mut self, question: &str) -> Result<String, Failure> {
        self.say(&format!("{question} "));
        let mut line = String::new();
        match self.from.read_line(&mut line) {
            Ok(0) => Err(Failure::usage(
                "the answers ended early: --yes asks nothing, and each question has a flag",
            )),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(Failure::failed(error)),
        }
    }

    fn say(&mut self, text: &str) {
        // Whoever does not listen can still answer.
        let _ = self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(given: Given, lines: &str) -> (Result<Answers, Failure>, String) {
        let (mut from, mut to) = (lines.as_bytes(), Vec::new());
        let answers = given.or_ask(None, &mut Ask { from: &mut from, to: &mut to });
        (answers, String::from_utf8(to).unwrap())
    }

    #[test]
    fn an_empty_line_takes_what_is_usual() {
        assert_eq!(asked(Given::default(), "\n\n\n\n\n").0.unwrap(), Preset::Saas.answers());
    }

    #[test]
    fn a_line_that_is_no_answer_is_asked_again() {
        let (answers, said) = asked(Given::default(), "perhaps\nNo\ny\nYES\nn\n\n");
        let answers = answers.unwrap();
        assert!(!answers.instant_revocation && answers.several_services && answers.mobile_clients);
        assert_eq!(said.matches("y or n, please").count(), 1);
    }

    #[test]
    fn what_a_flag_answers_is_not_asked() {
        let given = Given { regulated: Some(YesNo::Yes), ..Given::default() };
        let (answers, said) = asked(given, "\n\n\n\n");
        assert!(answers.unwrap().regulated && !said.contains("strict rules"));
        assert!(!given.or(Preset::Api.answers()).instant_revocation);
    }

    #[test]
    fn answers_that_end_early_are_no_answers() {
        assert!(asked(Given::default(), "y\ny\n").0.is_err());
    }
}
