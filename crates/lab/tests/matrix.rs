//! Every behaviour against every stage's programs.

use lab::check;

#[test]
fn every_stage_has_what_it_teaches_and_lacks_what_the_next_one_teaches() -> anyhow::Result<()> {
    check::compare(&check::matrix()?)
}
