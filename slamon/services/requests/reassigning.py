"""A contact hands a request on: "not me, ask Maria"."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.addresses import address_key
from slamon.db.parties import Person, PersonStatus, Site
from slamon.db.requests import CmoRequest
from slamon.domain.actions.talk import HandedOn, HandOn
from slamon.domain.timeline import Actor, NamedPerson, Role
from slamon.errors import Invalid
from slamon.services.directory.records import create
from slamon.services.transaction import Tx


def reassign(tx: Tx, request: CmoRequest, said: HandOn, *, by: Actor) -> HandedOn:
    """The colleague as a named contact of the CMO, added to its contacts if new; returns what the fact says of them.

    The colleague's address must be in a mail domain at which the CMO already has a contact. Raises Invalid otherwise,
    and for somebody who is not an active contact of this site. `by` is who writes it down.
    """
    name, email = said.name.strip(), said.email.strip()
    known = tx.session.scalars(select(Person).where(Person.email_key == address_key(email))).one_or_none()
    if known is None or known.organization_id != request.cmo_id:
        _refuse_other_domain(tx.session, request, email)
    if known is None:
        known = create(
            tx,
            Person,
            {
                "organization_id": request.cmo_id,
                "site_ids": [request.site_id],
                "name": name,
                "email": email,
                "roles": [Role.CMO_CONTACT.value],
                "time_zone": tx.session.get_one(Site, request.site_id).time_zone,
                "status": PersonStatus.ACTIVE.value,
            },
            by=by,
            reason=f"{request.number} was handed on to them",
        )
    if not known.serves(request.cmo_id, request.site_id) or known.status == PersonStatus.DISABLED:
        raise Invalid("email", "cannot be added by a link; ask the sponsor to add this colleague")
    contact = NamedPerson(known.id, known.name)
    return HandedOn(text=said.text, reason=said.reason, expected_on=said.expected_on, contact=contact)


def _refuse_other_domain(session: Session, request: CmoRequest, email: str) -> None:
    addresses = session.scalars(
        select(Person.email_key).where(Person.organization_id == request.cmo_id, Person.status != PersonStatus.DISABLED)
    )
    domains = {address.rpartition("@")[2] for address in addresses}
    if address_key(email).rpartition("@")[2] not in domains:
        raise Invalid(
            "email", f"must end in {' or '.join('@' + domain for domain in sorted(domains))}; "
            "ask the sponsor to add a colleague with another address"
        )  # fmt: skip
