"""Holdfast's command: the app's commands and the lab's rehearsals."""

from holdfast.app.cli import main
from holdfast.lab.drill.command import drill
from holdfast.lab.rehearsal.command import demo, rehearse
from holdfast.lab.storm_command import storm
from holdfast.lab.world.command import world

for command in (demo, drill, rehearse, storm, world):
    main.add_command(command)

if __name__ == "__main__":
    main()
