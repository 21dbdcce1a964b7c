"""Holdfast's command: the app's commands and the lab's rehearsals."""

from holdfast.app.cli import main
from holdfast.lab.demo import demo
from holdfast.lab.drill.command import drill
from holdfast.lab.world.command import world

main.add_command(demo)
main.add_command(drill)
main.add_command(world)

if __name__ == "__main__":
    main()
